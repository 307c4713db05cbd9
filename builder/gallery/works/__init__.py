"""Works that show nothing, or only themselves: each paints its own picture in a Studio."""

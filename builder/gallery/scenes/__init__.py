"""What is painted. Every scene is a function (Frame, Generator) -> Shapes, from back to front.

A scene decides composition only: titles stand in `subjects.py`, colours in the palette, the brush in the manner.
"""

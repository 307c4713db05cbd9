"""The presets: what each changes in the settings of `lite`, which are BuildConfig as it stands.

Only what differs from a kind's own defaults is written here; those defaults are S1's and S4's numbers.
"""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "lite": {},
    "paper": {
        "caption": {"kind": "blip2"},
        "prompt": {"kind": "llm"},
        "compress": {"kind": "summary"},
        "generate": {"kind": "img2img", "dtype": "float16", "compile": "unet", "attention": "xformers"},
    },
    "fast": {
        "caption": {"kind": "blip2", "batch": 32},
        "prompt": {"kind": "llm", "batch": 32},
        "compress": {"kind": "summary", "batch": 64},
        "generate": {
            "kind": "img2img",
            "compile": "blocks",
            "channels_last": True,
            "batch": 0,
            "cache_prompts": True,
        },
    },
    "variations": {
        "preprocess": {"fit": "crop", "size": 512},
        "caption": {"kind": "none"},
        "prompt": {"kind": "none"},
        "generate": {"kind": "variations"},
    },
    "openai": {
        "caption": {"kind": "none"},
        "generate": {"kind": "openai"},
    },
    "text2img": {
        "caption": {"kind": "none"},
        "prompt": {"kind": "study"},
        "generate": {"kind": "text2img"},
    },
}
"""Preset -> what it changes in BuildConfig, by stage."""

"""`artsim app`: the web page, made with Gradio.

    page.py      what all tabs share: the frame, the theme, messages instead of stack traces, the server
    data.py      what the app was started with, opened when a tab first asks for it
    browse.py  compare.py  search.py  attribute.py  detect.py  make.py      one tab each

A tab's module has pure functions for what it answers, which need no browser and no Gradio to test, and one function
``tab(shown)`` that makes its components. Only that function imports gradio.
"""

"""The sandbox: a small server of its own that speaks the gateway's API and moves no money.

It shares no code with the product (`README.md`): what it says is what a gateway says.
"""

"""
What the snippet costs a page, beside no recorder, rrweb alone and other recorders.

Owns the pages, the visits and the table; leaves the recorders to themselves: each is built from its
own npm package and talks to a sink on this machine.
"""

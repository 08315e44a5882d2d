"""
What keeps visits from being recorded, looked for from one end to the other.

folder.py looks at the data folder and its disk, way.py sends through the public address what pages
send, sites.py tells what the sites' counts come to, canary.py visits a page in Chromium and follows
one marked session to its replay. Each returns `Told`: what is wrong, and the next step to take.
"""

"""A person's or program's request in; one act (decide, deploy, start, cancel, show), done and recorded, out.

Command line, HTTP, Prefect's form and the console call these functions, so an act is the same on every channel.
"""

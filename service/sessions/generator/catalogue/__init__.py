"""What the generated visitors are like: where they live, what they use, see and do.

Every list is short and weighted. What the service derives from an event (path, utm fields,
browser, bot …) is derived here by the same functions that do so for a real event.
"""

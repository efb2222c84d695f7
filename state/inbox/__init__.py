"""The shared inbox: the list of conversations, the open one, what is written into it."""

"""State of the pages about agents: the list, and one agent with its settings, versions and test cases."""

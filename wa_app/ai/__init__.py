"""What machines read, find and say: reading files, knowledge, the gateway to models, the agent."""

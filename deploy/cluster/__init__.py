"""A real control plane on this machine, whose nodes and pods only say that they run."""

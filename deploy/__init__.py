"""What brings Frontrow to a cluster, and checks that it would arrive there."""

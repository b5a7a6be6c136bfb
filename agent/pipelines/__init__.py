"""What a node does with a job: plug-in pipelines."""

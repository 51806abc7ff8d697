"""Messages: posted by co-authors, submitted as staked specs by everybody else."""

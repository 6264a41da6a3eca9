"""Where records, the method and the exports meet: training, evaluation, tables."""

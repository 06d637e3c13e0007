"""Files of other origin become events: read, parsed, checked and recorded in batches."""

"""What tests of several folders share; no test imports another test."""

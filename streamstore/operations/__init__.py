"""One file an API call: check, plan, do, shape the reply. `registry` lists them all."""

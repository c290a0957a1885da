"""What `mda check` looks at: each module looks at one part and gives findings, none changes anything."""

from blytz.kit.sql.migrations import run_here

run_here()

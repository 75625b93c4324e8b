from blytz.cli import main

main()

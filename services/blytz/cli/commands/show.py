"""`blytz show`: shows and their lots, made and run from the terminal. Each of its commands is a function in
`cli/show/`."""

import typer

from blytz.cli.show.create import create
from blytz.cli.show.lines import lot_line
from blytz.cli.show.queue import listed, queue
from blytz.cli.show.running import end, rerun, turning

show = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make a show and run it.")
show.command("create")(create)
show.command("list")(listed)
show.command("queue")(queue)
show.command("start")(turning("start", "Go live: from then on lots can be opened."))
show.command("next")(turning("next", "Open the next lot of the queue.", lot_line))
show.command("pause")(turning("pause", "Stop every open clock; the time that remains is kept."))
show.command("resume")(turning("resume", "Let the clocks run on."))
show.command("end")(end)
show.command("rerun")(rerun)

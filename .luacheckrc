-- The scripts run inside Redis: Lua 5.1 with its own few globals, nothing that reaches the machine.
stds.redis = {
  read_globals = {
    "KEYS", "ARGV", "cjson", "cmsgpack", "bit", "struct",
    redis = { other_fields = true },
  },
}
std = "lua51+redis"
not_globals = {
  "arg", "debug", "dofile", "io", "load", "loadfile", "module", "os", "package", "print", "require",
}
allow_defined = false
max_line_length = 115

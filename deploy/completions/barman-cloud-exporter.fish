# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_barman_cloud_exporter_global_optspecs
    string join \n config.file= web.listen-address= log.level= log.format= h/help V/version
end

function __fish_barman_cloud_exporter_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_barman_cloud_exporter_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_barman_cloud_exporter_using_subcommand
    set -l cmd (__fish_barman_cloud_exporter_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -l config.file -d 'Configuration file (YAML). Default: /etc/barman-cloud-exporter/config.yaml, if it exists' -r -F
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -l web.listen-address -d 'Address to listen on, such as `0.0.0.0:10432` or `:10432`. Overrides `web.listenAddress`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -l log.level -d 'Minimum severity to log: error, warn, info, debug or trace; or levels for parts of the program, such as `info,scan=debug`. Overrides `log.level`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -l log.format -d 'Format of the log. Overrides `log.format`' -r -f -a "text\t''
json\t''"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -s h -l help -d 'Print help'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -s V -l version -d 'Print version'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -f -a "serve" -d 'Scan on schedule and serve metrics. Default if no command is given'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -f -a "check-config" -d 'Check the configuration and list every mistake. Opens no file that the configuration names, and connects to nothing'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -f -a "check" -d 'Scan every archive and read every certificate once; show what can be restored, and problems'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -f -a "report" -d 'Scan every archive once; show what is stored, how much of it can be deleted, and what arrived recently'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -f -a "verify" -d 'Scan once, then read WAL and base backups as asked, and show what was found in them. Needs no `verification` in the configuration: the command itself is the consent'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -f -a "explain-schedule" -d 'Explain what a backup schedule means to CloudNativePG, and when it is due next. Needs no configuration'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand serve" -l config.file -d 'Configuration file (YAML). Default: /etc/barman-cloud-exporter/config.yaml, if it exists' -r -F
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand serve" -l web.listen-address -d 'Address to listen on, such as `0.0.0.0:10432` or `:10432`. Overrides `web.listenAddress`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand serve" -l log.level -d 'Minimum severity to log: error, warn, info, debug or trace; or levels for parts of the program, such as `info,scan=debug`. Overrides `log.level`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand serve" -l log.format -d 'Format of the log. Overrides `log.format`' -r -f -a "text\t''
json\t''"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand serve" -s h -l help -d 'Print help'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check-config" -l config.file -d 'Configuration file (YAML). Default: /etc/barman-cloud-exporter/config.yaml, if it exists' -r -F
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check-config" -l web.listen-address -d 'Address to listen on, such as `0.0.0.0:10432` or `:10432`. Overrides `web.listenAddress`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check-config" -l log.level -d 'Minimum severity to log: error, warn, info, debug or trace; or levels for parts of the program, such as `info,scan=debug`. Overrides `log.level`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check-config" -l log.format -d 'Format of the log. Overrides `log.format`' -r -f -a "text\t''
json\t''"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check-config" -l strict -d 'Exit with code 1 if there are warnings'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check-config" -s h -l help -d 'Print help'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check" -l output -d 'Format of the result' -r -f -a "text\t'For people; coloured on a terminal, unless `NO_COLOR` is set'
json\t'For scripts'"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check" -l at -d 'Judge as of this moment instead of now, such as `2026-11-15T12:00:00Z`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check" -l config.file -d 'Configuration file (YAML). Default: /etc/barman-cloud-exporter/config.yaml, if it exists' -r -F
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check" -l web.listen-address -d 'Address to listen on, such as `0.0.0.0:10432` or `:10432`. Overrides `web.listenAddress`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check" -l log.level -d 'Minimum severity to log: error, warn, info, debug or trace; or levels for parts of the program, such as `info,scan=debug`. Overrides `log.level`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check" -l log.format -d 'Format of the log. Overrides `log.format`' -r -f -a "text\t''
json\t''"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand report" -l output -d 'Format of the result' -r -f -a "text\t'For people; coloured on a terminal, unless `NO_COLOR` is set'
json\t'For scripts'
markdown\t'For web pages, with tables as on GitHub'"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand report" -l at -d 'Look back from this moment instead of now, such as `2026-11-15T12:00:00Z`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand report" -l config.file -d 'Configuration file (YAML). Default: /etc/barman-cloud-exporter/config.yaml, if it exists' -r -F
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand report" -l web.listen-address -d 'Address to listen on, such as `0.0.0.0:10432` or `:10432`. Overrides `web.listenAddress`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand report" -l log.level -d 'Minimum severity to log: error, warn, info, debug or trace; or levels for parts of the program, such as `info,scan=debug`. Overrides `log.level`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand report" -l log.format -d 'Format of the log. Overrides `log.format`' -r -f -a "text\t''
json\t''"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l archive -d 'Read only this archive, by its configured name. Default: every archive' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l server -d 'Read only this server. Default: every server' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l backup -d 'Backups whose data are read: `newest`, unless it was read before; `all` finished backups; or one by its id. Always with the WAL that makes them consistent' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l wal -d 'WAL that is read: `new`, which begins with the newest backup and was not read before; `all` that some backup needs; or the segments from one name to another, such as `000000010000000000000017..00000001000000000000002A`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l level -d 'Depth of the reads: `edges` (first and last bytes of each object), `wal` (also WAL as a whole) or `full` (also the data of backups). Default: the configured level, or `full` if that is `off`' -r -f -a "edges\t'First and last bytes of each object'
wal\t'Also WAL as a whole'
full\t'Also the data of backups'"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l max-bytes -d 'Maximum number of bytes of contents to read, such as `500MB`, `20GB` or `50GiB`. What is larger than what is left of it is not read. Default: no limit' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l output -d 'Format of the result' -r -f -a "text\t'For people; coloured on a terminal, unless `NO_COLOR` is set'
json\t'For scripts'"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l config.file -d 'Configuration file (YAML). Default: /etc/barman-cloud-exporter/config.yaml, if it exists' -r -F
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l web.listen-address -d 'Address to listen on, such as `0.0.0.0:10432` or `:10432`. Overrides `web.listenAddress`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l log.level -d 'Minimum severity to log: error, warn, info, debug or trace; or levels for parts of the program, such as `info,scan=debug`. Overrides `log.level`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l log.format -d 'Format of the log. Overrides `log.format`' -r -f -a "text\t''
json\t''"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -l dry-run -d 'Only show what would be read, and what that costs'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand explain-schedule" -l time-zone -d 'IANA time zone of the operator\'s pod, such as `Europe/Berlin`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand explain-schedule" -l at -d 'Start at this moment instead of now, such as `2026-11-15T12:00:00Z`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand explain-schedule" -l config.file -d 'Configuration file (YAML). Default: /etc/barman-cloud-exporter/config.yaml, if it exists' -r -F
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand explain-schedule" -l web.listen-address -d 'Address to listen on, such as `0.0.0.0:10432` or `:10432`. Overrides `web.listenAddress`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand explain-schedule" -l log.level -d 'Minimum severity to log: error, warn, info, debug or trace; or levels for parts of the program, such as `info,scan=debug`. Overrides `log.level`' -r
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand explain-schedule" -l log.format -d 'Format of the log. Overrides `log.format`' -r -f -a "text\t''
json\t''"
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand explain-schedule" -s h -l help -d 'Print help'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand help; and not __fish_seen_subcommand_from serve check-config check report verify explain-schedule help" -f -a "serve" -d 'Scan on schedule and serve metrics. Default if no command is given'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand help; and not __fish_seen_subcommand_from serve check-config check report verify explain-schedule help" -f -a "check-config" -d 'Check the configuration and list every mistake. Opens no file that the configuration names, and connects to nothing'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand help; and not __fish_seen_subcommand_from serve check-config check report verify explain-schedule help" -f -a "check" -d 'Scan every archive and read every certificate once; show what can be restored, and problems'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand help; and not __fish_seen_subcommand_from serve check-config check report verify explain-schedule help" -f -a "report" -d 'Scan every archive once; show what is stored, how much of it can be deleted, and what arrived recently'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand help; and not __fish_seen_subcommand_from serve check-config check report verify explain-schedule help" -f -a "verify" -d 'Scan once, then read WAL and base backups as asked, and show what was found in them. Needs no `verification` in the configuration: the command itself is the consent'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand help; and not __fish_seen_subcommand_from serve check-config check report verify explain-schedule help" -f -a "explain-schedule" -d 'Explain what a backup schedule means to CloudNativePG, and when it is due next. Needs no configuration'
complete -c barman-cloud-exporter -n "__fish_barman_cloud_exporter_using_subcommand help; and not __fish_seen_subcommand_from serve check-config check report verify explain-schedule help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'

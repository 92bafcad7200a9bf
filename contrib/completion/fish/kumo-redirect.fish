# fish completion for kumo-redirect
set -l commands up down status verify explain watch features
set -l none "not __fish_seen_subcommand_from $commands"
set -l up '__fish_seen_subcommand_from up'

complete -c kumo-redirect -f
complete -c kumo-redirect -n $none -a up -d 'Install guards and redirect'
complete -c kumo-redirect -n $none -a down -d 'Take them away'
complete -c kumo-redirect -n $none -a status -d 'What is in force'
complete -c kumo-redirect -n $none -a verify -d 'Prove again, now'
complete -c kumo-redirect -n $none -a watch -d 'Hold what stands'
complete -c kumo-redirect -n $none -a explain -d 'What a check is about'
complete -c kumo-redirect -n $none -a features -d "What this kernel offers"

complete -c kumo-redirect -s c -l config -r -F -d 'Configuration file'
complete -c kumo-redirect -s n -l netns -x -a '(ip netns list 2>/dev/null | cut -d" " -f1)' -d 'Network namespace'
complete -c kumo-redirect -l format -x -a 'text json tap junit github' -d 'How the answer is said'
complete -c kumo-redirect -l color -x -a 'auto always never' -d 'Whether text is colored'
complete -c kumo-redirect -s q -l quiet -d 'Only errors'
complete -c kumo-redirect -s v -l verbose -d 'Say each step'
complete -c kumo-redirect -s h -l help -d 'Usage'
complete -c kumo-redirect -s V -l version -d 'Version'

complete -c kumo-redirect -n $up -l sink -x -a builtin -d 'Where connections go'
complete -c kumo-redirect -n $up -l lan -x -a 'auto none' -d 'What stays reachable'
complete -c kumo-redirect -n $up -l port -x -d 'Port to redirect'
complete -c kumo-redirect -n $up -l block-port -x -d 'Port to guard without a redirect'
complete -c kumo-redirect -n $up -l forward -x -a 'block redirect' -d 'Connections of containers'
complete -c kumo-redirect -n $up -l uplink -x -a '(__fish_print_interfaces)' -d 'Device to fence'
complete -c kumo-redirect -n $up -l capture-local -d 'Redirect own addresses too'
complete -c kumo-redirect -n $up -l allow -x -a 'netdev-fence= lan-gateway= sock-destroy=' -d 'A waiver'
complete -c kumo-redirect -n $up -l block -d 'Guards only'
complete -c kumo-redirect -n $up -l dry-run -d 'Print, change nothing'

set -l watch '__fish_seen_subcommand_from watch'
complete -c kumo-redirect -n $watch -l hook -r -F -d 'Run this for each breach'
complete -c kumo-redirect -n $watch -l signal -x -a '(__fish_complete_pids)' -d 'SIGUSR1 to this process'
complete -c kumo-redirect -n $watch -l exit-on-breach -d 'End at the first breach'
set -l verify '__fish_seen_subcommand_from verify'
complete -c kumo-redirect -n $verify -l static -d 'Only look'
complete -c kumo-redirect -n $verify -l allow -x -d 'A waiver'
complete -c kumo-redirect -n $verify -l expect-rate -x -d 'Connections a second'
complete -c kumo-redirect -n $verify -l expect-concurrency -x -d 'Connections at once'
complete -c kumo-redirect -n '__fish_seen_subcommand_from explain' -x -a '(kumo-redirect explain 2>/dev/null | string match -rg "^  ([a-z0-9-]+) ")'

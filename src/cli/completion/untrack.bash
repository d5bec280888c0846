# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for untrack(8)                                       -*- shell-script -*-

_untrack()
{
	local current previous command word i
	local everywhere="--help --version --json --netns --quiet --verbose --color --state-dir
		--run-dir"
	local -A own=(
		[status]="--watch --interval"
		[top]="--by --limit --watch --interval"
		[suggest]="--cover --max-services --accept-in"
		[flow]="--svg"
		[show]="--text"
		[import]="--as --complete --keep-going --counters --live --ipset-save"
		[check]="--against"
		[trace]=""
		[diff]="--ruleset --take-over --no-rehearse"
		[apply]="--dry-run --confirm --generation --ruleset --purge --no-rehearse
			--take-over --force-lint"
		[confirm]=""
		[rollback]=""
		[history]=""
		[remove]=""
		[help]=""
	)

	COMPREPLY=()
	current=${COMP_WORDS[COMP_CWORD]}
	previous=${COMP_WORDS[COMP_CWORD - 1]}
	# "=" is a word of its own: --netns = NAME.
	if [[ $current == "=" ]]; then
		current=
	elif [[ $previous == "=" ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi

	case $previous in
	--netns | -N)
		COMPREPLY=($(compgen -W "$(ip netns list 2>/dev/null | cut -d ' ' -f 1)" -- \
			"$current"))
		[[ $current != /* && $current != .* ]] || COMPREPLY=($(compgen -f -- "$current"))
		return
		;;
	--color)
		COMPREPLY=($(compgen -W "auto always never" -- "$current"))
		return
		;;
	--state-dir | --run-dir)
		COMPREPLY=($(compgen -d -- "$current"))
		return
		;;
	--as)
		COMPREPLY=($(compgen -W "policy" -- "$current"))
		return
		;;
	--against | --ipset-save)
		COMPREPLY=($(compgen -f -- "$current"))
		return
		;;
	--by)
		COMPREPLY=($(compgen -W "protocol port address peer state zone role" -- "$current"))
		return
		;;
	--confirm | --generation | --force-lint | --limit | --interval | \
		--cover | --max-services)
		return
		;;
	esac

	command=
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		[[ -z ${own[$word]+known} ]] || {
			command=$word
			break
		}
	done

	if [[ $current == -* ]]; then
		COMPREPLY=($(compgen -W "$everywhere ${command:+${own[$command]}}" -- "$current"))
		return
	fi
	case $command in
	"" | help)
		COMPREPLY=($(compgen -W "${!own[*]}" -- "$current"))
		;;
	show | import | check | trace | diff | apply)
		COMPREPLY=($(compgen -f -- "$current"))
		;;
	esac
} && complete -o filenames -F _untrack untrack

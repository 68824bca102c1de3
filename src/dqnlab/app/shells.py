"""What makes each shell complete the words of `dqn`: it asks `dqn completion SHELL --word=…` for candidates."""

# Of bash 3.2, as macOS has it, too. `:` and `=` end a word for bash, and so does what it replaces.
BASH = r"""# dqn in bash. In ~/.bashrc: eval "$(dqn completion bash)"
_dqn() {
    local IFS=$' \t\n' line="${COMP_LINE:0:COMP_POINT}" cut="" part each
    local -a words
    read -r -a words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local last="${words[${#words[@]} - 1]}"
    for each in : =; do
        if [[ $COMP_WORDBREAKS == *"$each"* && $last == *"$each"* ]]; then
            part="${last%"${last##*"$each"}"}"
            if ((${#part} > ${#cut})); then cut="$part"; fi
        fi
    done
    words=("${words[@]:1}")
    COMPREPLY=()
    while IFS= read -r each; do
        COMPREPLY+=("${each#"$cut"}")
    done < <("$1" completion bash "${words[@]/#/--word=}" 2>/dev/null)
}
complete -o bashdefault -o default -F _dqn dqn
"""
ZSH = r"""#compdef dqn
# dqn in zsh. In ~/.zshrc, behind compinit: eval "$(dqn completion zsh)"
_dqn() {
    local -a found asked
    asked=("${(@)words[2,CURRENT]}")
    found=(${(f)"$("${words[1]}" completion zsh "${(@)asked/#/--word=}" 2>/dev/null)"})
    if (( $#found )); then compadd -a found; else _files; fi
}
compdef _dqn dqn
"""
FISH = r"""# dqn in fish. In ~/.config/fish/config.fish: dqn completion fish | source
function __dqn_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l asked $words[2..] "$last"
    set -l found ($words[1] completion fish --word=$asked 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path "$last"
    end
end
complete -c dqn -f -a '(__dqn_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}

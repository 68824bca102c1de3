"""HOW an agent learns: numpy and torch only.

Read types ①, losses ②, heads ③, targets ④, networks ⑤, replay ⑥, learner ⑦; then run/train ⑧.
"""

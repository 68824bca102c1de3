"""The table of faults, and where each is put to the test: a row without a test is red."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAULTS = "tests/crash/test_faults_"
SAVING = "tests/run/saving/test_checkpoint"

ROWS = {
    "F1 killed at any moment": ["tests/crash/test_kill_loop.py"],
    "F2 killed inside the write of a checkpoint": [
        f"{SAVING}_faults.py::test_a_process_that_ends_at_any_operation_leaves_the_old_or_the_new_checkpoint",
        f"{SAVING}_faults.py::test_a_process_that_is_really_killed_at_any_operation_leaves_the_same",
    ],
    "F3 loss of power": [
        f"{SAVING}.py::test_a_file_is_flushed_before_its_folder_is_renamed_and_the_folder_above_after"
    ],
    "F4 disk full during a checkpoint": [
        f"{FAULTS}disk.py::test_f4_a_disk_that_is_full_for_a_while_costs_a_line_and_no_result",
        f"{FAULTS}disk.py::test_f4_a_disk_that_stays_full_ends_training_with_5_and_keeps_what_there_is",
        f"{FAULTS}disk.py::test_f4_a_disk_without_a_byte_left_ends_with_one_message",
        "tests/run/saving/test_save.py::test_three_failures_in_a_row_end_training",
        f"{FAULTS}full.py::test_f4_wherever_the_disk_fails_a_run_ends_whole_or_with_one_line",
        f"{FAULTS}full.py::test_f4_on_a_disk_that_is_really_full_nothing_begins",
    ],
    "F5 disk full in the metrics": [
        f"{FAULTS}disk.py::test_f5_metrics_that_find_no_room_cost_a_line_and_no_checkpoint"
    ],
    "F6 a folder that cannot be written": [
        f"{FAULTS}disk.py::test_f6_a_file_where_a_folder_should_be_is_refused_before_step_0",
        f"{FAULTS}disk.py::test_f6_a_folder_that_may_not_be_written_is_refused_before_step_0",
    ],
    "F7 damaged checkpoint": [
        f"{SAVING}_damage.py::test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used",
        f"{SAVING}_damage.py::test_if_none_is_whole_nothing_is_touched_and_the_reasons_are_told",
    ],
    "F8 a member is missing": [
        f"{SAVING}_damage.py::test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used",
        f"{SAVING}.py::test_logs_other_than_the_stored_ones_are_left_untouched",
    ],
    "F9 checkpoint of an older schema": [f"{SAVING}.py::test_the_checkpoint_of_schema_1_still_loads"],
    "F10 checkpoint of a newer schema or another run": [
        f"{SAVING}_hostile.py::test_a_newer_schema_is_refused_by_number_and_left_alone",
        f"{FAULTS}disk.py::test_f10_a_checkpoint_of_another_run_is_refused_with_what_differs",
    ],
    "F11 NaN in loss or gradient": [
        f"{FAULTS}numbers.py::test_f11_learning_that_runs_away_ends_within_the_update_and_spoils_nothing",
        f"{FAULTS}numbers.py::test_f11_a_network_that_is_not_finite_is_never_saved_nor_judged",
    ],
    "F12 NaN from the environment": [
        f"{FAULTS}numbers.py::test_f12_f13_an_environment_that_breaks_is_named_and_leaves_no_half_transition"
    ],
    "F13 the environment raises": [
        f"{FAULTS}numbers.py::test_f12_f13_an_environment_that_breaks_is_named_and_leaves_no_half_transition"
    ],
    "F14 the environment hangs": [
        f"{FAULTS}hang.py::test_f14_an_environment_that_hangs_is_named_and_the_run_can_go_on",
        f"{FAULTS}hang.py::test_f14_an_environment_that_swallows_the_error_ends_the_process_and_the_checkpoint_stands",
    ],
    "F15 a worker process is killed": [
        f"{FAULTS}processes.py::test_f15_a_seed_whose_process_is_killed_goes_on_from_its_checkpoint",
        f"{FAULTS}processes.py::test_f15_a_seed_that_is_killed_again_and_again_fails_alone",
    ],
    "F16 SIGINT": [
        f"{FAULTS}processes.py::test_f16_f17_signals_at_random_moments_change_nothing_but_the_time",
        f"{FAULTS}processes.py::test_f16_a_second_ctrl_c_is_obeyed_in_the_middle_of_a_block_and_spoils_nothing",
    ],
    "F17 SIGTERM and SIGHUP": [
        f"{FAULTS}processes.py::test_f16_f17_signals_at_random_moments_change_nothing_but_the_time",
        f"{FAULTS}processes.py::test_f17_a_group_that_is_told_to_end_saves_every_seed_and_leaves_with_143",
    ],
    "F18 resumed equals uninterrupted": [
        "tests/run/saving/test_resume.py::test_a_run_goes_on_to_the_same_bits_from_every_cut"
    ],
    "F19 two processes on one folder": [
        f"{FAULTS}processes.py::test_f19_a_second_process_is_refused_and_a_killed_ones_lock_is_taken_over",
        f"{FAULTS}processes.py::test_f19_the_lock_of_another_machine_needs_a_word_of_the_users",
    ],
    "F20 the clock jumps": [f"{FAULTS}numbers.py::test_f20_a_clock_that_jumps_changes_no_duration_and_no_result"],
    "F21 tracker out of reach": [
        f"{FAULTS}tracker.py::test_f21_a_host_that_hangs_or_says_401_costs_no_step",
        "tests/track/test_swanlab_child.py::test_upload_that_hangs_is_given_up_and_the_line_syncs_later",
        "tests/track/test_swanlab_child.py::test_failed_login_records_offline_and_says_why",
        "tests/track/test_tracker.py::test_failing_tracker_is_reported_once_and_switched_off",
    ],
    "F22 torn metrics": [
        f"{FAULTS}disk.py::test_f22_rows_behind_the_checkpoint_and_a_torn_one_are_cut_off_on_resume",
        "tests/track/test_jsonl.py::test_file_torn_at_any_byte_keeps_every_whole_record",
    ],
    "F23 a replay larger than memory": [
        f"{FAULTS}numbers.py::test_f23_a_replay_that_cannot_fit_is_refused_before_anything_is_made",
        f"{FAULTS}full.py::test_f23_a_replay_beyond_what_a_process_may_take_is_refused_and_leaves_nothing",
    ],
    "F24 no ffmpeg, moviepy or display": [
        f"{FAULTS}numbers.py::test_f24_without_a_film_the_score_is_reported_all_the_same",
        f"{FAULTS}numbers.py::test_f24_without_a_display_a_film_is_made",
    ],
}


def test_the_table_has_every_row() -> None:
    assert [row.split()[0] for row in ROWS] == [f"F{number}" for number in range(1, 25)]


@pytest.mark.parametrize("row", ROWS)
def test_every_fault_has_its_test(row: str) -> None:
    assert ROWS[row]
    for place in ROWS[row]:
        path, _, name = place.partition("::")
        assert re.search(rf"^def {name or 'test_'}", (ROOT / path).read_text("utf-8"), re.MULTILINE), place

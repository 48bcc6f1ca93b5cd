"""What keys on tokens have to show, sentence by sentence, and the tests that show it.

Rules of the tokens: one operation at a time; held by us alone; never the wrong one; watched; errors
are states; no PIN is tried twice by a machine; modules of others in a process of their own; no
secret told.
"""

import re
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).resolve().parents[1]
YUBIKEY: Final = "keys/yubikey/test_token.py"
SERVED: Final = "server/test_yubikey.py"
PKCS11: Final = "keys/test_pkcs11.py"
SOFTHSM: Final = "server/test_keys.py"
MODULES: Final = "keys/test_modules.py"
CEREMONY: Final = "server/ceremony/test_yubikey.py"
INTERRUPTED: Final = "server/ceremony/test_interrupted.py"

SHOWN: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "root and intermediate in slots 82 and 83, SSH keys in 84 and 85, made by our commands; X.509, "
    "SSH, CRL and OCSP from them; ykman and yubico-piv-tool read the same slots": {
        SERVED: ("keys_of_root_intermediate_and_ssh_on_one_yubikey",),
        "cli/test_kms_yubikey.py": ("an_authority_on_a_yubikey",),
    },
    "unplugged under load: 503 at once, reads go on; signing resumes within two seconds; pcscd "
    "killed and restarted": {
        SERVED: ("pulled_under_load_it_refuses_at_once_reads_on_and_signs_when_plugged_in",),
        YUBIKEY: (
            "pulled_under_load_refuses_at_once_and_signs_again_when_plugged_in",
            "survives_a_restart_of_pcscd",
            "a_card_that_was_pulled_for_a_moment_is_used_again",
            "a_service_that_hangs_costs_its_requests_and_comes_back",
        ),
    },
    "another process cannot use the token that has our PIN": {
        YUBIKEY: (
            "no_other_process_signs_with_the_pin_that_we_gave",
            "a_killed_process_leaves_no_pin_behind",
            "a_card_in_use_elsewhere_is_busy_until_it_is_let_go",
        ),
    },
    "twelve restarts with a wrong stored PIN cost one try": {
        YUBIKEY: ("twelve_restarts_with_a_wrong_stored_pin_cost_one_try",),
        SERVED: ("a_wrong_stored_pin_costs_one_try_however_often_it_starts",),
        SOFTHSM: ("a_wrong_stored_pin_is_tried_once_however_often_it_starts",),
        "cli/test_kms_yubikey.py": ("a_wrong_pin_costs_one_try_however_often_a_script_runs",),
    },
    "the guard of PINs and its journal on disk": {
        "keys/test_pins.py": (
            "a_rejected_pin_is_not_tried_again_by_any_later_start",
            "a_machine_waits_while_a_try_is_missing",
            "a_person_may_use_what_tries_are_left_but_the_last_only_on_purpose",
            "it_is_on_disk_before_the_token_hears_of_it",
            "an_attempt_that_was_cut_off_is_repeated_if_no_try_was_lost",
            "without_a_journal_that_can_be_used_no_pin_is_tried",
        ),
        YUBIKEY: ("never_tries_the_factory_pin_unasked", "what_can_be_no_pin_is_not_tried"),
    },
    "a touch policy waits; a blocked PIN says so, in /health, log and console": {
        SERVED: ("a_touch_is_waited_for_and_shown", "a_blocked_pin_says_so"),
        "server/test_token_notices.py": ("each_state_is_a_condition_that_says_what_to_do",),
        "tui/test_live.py": ("the_header_says_which_token_cannot_sign_and_why",),
        "tui/test_tokens.py": ("a_pin_is_typed_unseen_once_for_each_try_and_opens_the_token",),
    },
    "never another token than the configured one": {
        YUBIKEY: (
            "another_yubikey_than_the_configured_one_gets_no_pin",
            "one_of_two_yubikeys_that_is_pulled_is_absent_and_the_other_one_undisturbed",
            "without_a_serial_number_the_only_yubikey_is_meant",
            "a_key_of_another_certificate_does_not_sign",
        ),
        PKCS11: ("another_token_than_the_configured_one",),
    },
    "SoftHSM: every key type, a thousand requests at once, a module killed in mid-operation": {
        "server/test_token_kinds.py": (
            "every_kind_of_key_signs_x509_lists_ocsp_delegates_and_ssh",
            "a_thousand_requests_at_once_are_all_answered",
        ),
        SOFTHSM: (
            "all_keys_on_a_token",
            "a_module_that_is_killed_costs_what_it_was_doing_and_nothing_else",
        ),
        PKCS11: (
            "a_worker_that_dies_costs_one_request_and_comes_back",
            "a_module_that_hangs_is_ended_at_its_deadline",
        ),
    },
    "ykcs11 and tpm2-pkcs11 as further modules": {
        MODULES: (
            "a_yubikey_by_its_vendors_module",
            "its_pulling_and_pcscds_restart_are_survived",
            "a_tpm_by_tpm2_pkcs11",
        ),
    },
    "as fast as the token, in turn, the event loop never held up (figures: make bench)": {
        YUBIKEY: ("signs_with_one_command_each_in_turn_and_the_loop_goes_on_meanwhile",),
        "keys/test_turns.py": (
            "one_at_a_time_in_the_order_of_asking",
            "the_queue_is_bounded",
            "a_turn_that_cannot_come_in_time_is_refused_at_once",
        ),
    },
    "the one file with nothing but libpcsclite1 and a vendor's module, and without them": {
        "flows/test_binary_tokens.py": (
            "with_libpcsclite_and_a_vendors_module_alone_it_makes_keys_and_serves_from_them",
            "without_them_it_serves_from_files_and_says_what_a_yubikey_would_need",
        ),
    },
    "the documented commands as printed; the real step with our program as its plugin": {
        "flows/test_documented_tokens.py": ("pkcs11", "yubikey_piv"),
        "interop/test_step_kms_plugin.py": (
            "step_makes_keys_certificates_requests_and_tokens_by_it",
        ),
    },
    "PIN from file, credential, or a person at start; no secret in a list of processes": {
        SOFTHSM: (
            "a_pin_comes_from_systemds_credentials",
            "without_a_pin_it_serves_what_needs_no_key_until_a_person_types_it",
            "tokens_are_seen_and_opened_from_the_command_line",
        ),
        PKCS11: ("the_process_list_has_no_pin",),
    },
    "the ceremony: two tokens, secrets on paper only, attested, rehearsed, the links down; resumed "
    "or rolled back from each step, nothing secret on disk": {
        CEREMONY: (
            "root_and_intermediate_on_two_yubikeys_and_every_secret_on_paper_only",
            "the_tokens_need_not_be_plugged_in_together",
            "a_yubikey_that_does_not_come_from_its_maker_is_not_gone_on_with",
            "cut_off_at_any_time_it_goes_on_with_the_papers_of_before",
            "what_others_have_on_a_yubikey_is_left_alone",
            "factory_secrets_are_never_kept",
        ),
        INTERRUPTED: (
            "cut_off_at_any_step_it_goes_on_and_papers_of_before_hold",
            "rolled_back_at_any_step_nothing_stays",
            "the_sheet_says_what_is_where_and_both_its_forms_carry_the_fingerprint",
            "it_goes_on_only_while_no_link_is_up_where_that_was_wanted",
        ),
    },
}


@pytest.mark.parametrize("sentence", SHOWN)
def test_what_is_to_be_shown_has_its_tests(sentence: str) -> None:
    for file, names in SHOWN[sentence].items():
        there = set(re.findall(r"def test_(\w+)", (TESTS / file).read_text()))
        assert set(names) <= there, file

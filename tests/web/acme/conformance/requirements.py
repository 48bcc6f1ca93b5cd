"""What RFC 8555 asks of a server with a MUST, in our words, and which test holds us to it.

`python -m tests.web.acme.conformance.requirements` writes the table as Markdown. What only clients
must do is left out; what we do otherwise, or have not, says so in `otherwise`.
"""

# ruff: noqa: E501  a row is a line
# fmt: off

from dataclasses import dataclass

HERE = "tests/web/acme/conformance"
MESSAGES, ACCOUNTS = f"{HERE}/test_messages.py", f"{HERE}/test_accounts.py"
ORDERS, AUTHORIZATIONS = f"{HERE}/test_orders.py", f"{HERE}/test_authorizations.py"
VALIDATION = "tests/authority/acme/test_validation.py"
PROOFS, STATES = "tests/issuance/acme/test_proofs.py", "tests/issuance/acme/test_states.py"
EXTERNAL = "tests/web/acme/test_external_accounts.py"
HTTP = "tests/upstream/test_http_probe.py"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One MUST. `test` is `file::name`; `otherwise` is why there is none, or where we deviate."""

    section: str
    text: str
    test: str = ""
    otherwise: str = ""


def _of(file: str, *rows: tuple[str, str, str]) -> tuple[Requirement, ...]:
    return tuple(Requirement(section, text, f"{file}::{name}") for section, text, name in rows)


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement("6.1", "HTTPS alone", "tests/server/test_doors.py::test_plain_http_serves_what_is_published_and_nothing_else"),
    Requirement(
        "6.1", "base64url with padding is refused in CSRs and certificates",
        otherwise="taken, as step-ca does: Synology's client writes it",
    ),
    *_of(
        MESSAGES,
        ("6.1", "base64url with padding is refused", "test_base64url_with_padding_is_refused"),
        ("6.2", "the JWS is verified before anything is done", "test_nothing_is_done_before_the_signature_was_verified"),
        ("6.2", "the signature covers header and payload", "test_a_payload_or_header_that_was_changed_is_refused"),
        ("6.2", "flattened JSON serialization", "test_only_the_flattened_serialization_is_taken"),
        ("6.2", "one signature", "test_several_signatures_are_refused"),
        ("6.2", "no unencoded payload (RFC 7797)", "test_an_unencoded_payload_is_refused"),
        ("6.2", "no unprotected header", "test_an_unprotected_header_is_refused"),
        ("6.2", "no detached payload", "test_a_detached_payload_is_refused"),
        ("6.2", "neither `none` nor a MAC; badSignatureAlgorithm, 400, with `algorithms`", "test_no_signature_and_macs_are_refused_with_the_list_of_algorithms"),
        ("6.2", "alg, nonce, url, and jwk or kid are there", "test_each_header_parameter_must_be_there"),
        ("6.2", "ES256 is implemented", "test_es256_and_ed25519_are_taken"),
        ("6.2", "jwk and kid together are refused", "test_jwk_and_kid_together_are_refused"),
        ("6.2", "newAccount brings its key as jwk, and is signed with it", "test_new_account_is_signed_with_the_key_itself"),
        ("6.2", "all else is signed by an account, by kid", "test_everything_else_is_signed_by_an_account"),
        ("6.2", "kid is the account's URL", "test_kid_is_the_url_that_the_account_was_given"),
        ("6.2", "a key that is not taken: 400 badPublicKey", "test_a_key_that_is_not_taken_is_a_bad_public_key"),
        ("6.2", "another content type: 415", "test_another_content_type_is_415"),
        ("6.3", "GET of a resource: 405, malformed", "test_get_is_for_directory_and_new_nonce_alone"),
        ("6.3", "directory and newNonce by GET, and by POST-as-GET", "test_directory_and_new_nonce_are_read_by_post_as_get_too"),
        ("6.3", "the sender of POST-as-GET is authenticated, and may see it", "test_post_as_get_is_an_empty_payload_of_the_owner"),
        ("6.3", "its payload has no octets", "test_an_empty_object_is_no_post_as_get"),
        ("6.3", "it means what GET means", "test_post_as_get_changes_nothing"),
        ("6.4", "url is compared with that of the request; unauthorized", "test_a_message_for_another_url_is_unauthorized"),
        ("6.4.1", "url is text", "test_url_is_text"),
        ("6.5", "a nonce with every answer to a POST", "test_every_answer_to_a_post_has_a_nonce"),
        ("6.5", "only nonces that were given are taken; 400 badNonce with another one that is good", "test_a_nonce_that_was_not_given_is_a_bad_one"),
        ("6.5", "a nonce that was in a request is worth nothing", "test_a_nonce_is_good_once"),
        ("6.5", "also among requests at the same time", "test_of_many_requests_with_one_nonce_one_succeeds"),
        ("6.5.1", "nonces are unique, unpredictable, base64url", "test_nonces_are_unique_random_and_base64url"),
        ("6.5.2", "a nonce that is no base64url: malformed", "test_a_nonce_that_is_no_base64url_is_malformed"),
        ("6.6", "a limit: rateLimited", "test_a_limit_is_told_with_its_type_and_when_to_come_back"),
        ("6.7", "no types in ACME's name space but the registered", "test_no_type_of_error_is_made_up"),
        ("6.7", "errors are problem documents", "test_problems_are_problem_documents"),
        ("6.7.1", "identifiers are in subproblems alone", "test_several_problems_are_subproblems_and_each_names_its_identifier"),
    ),
    *_of(
        ACCOUNTS,
        ("7.1", "directory and newNonce are there", "test_the_directory_names_what_is_there"),
        ("7.1", "answers lead to the directory", "test_answers_lead_to_the_directory"),
        ("7.1.1", "newAuthz is named where pre-authorization works", "test_the_directory_names_what_is_there"),
        ("7.1.1", "meta is an object; CAA identities as they are in records", "test_meta_says_what_provisioners_are_configured_with"),
        ("7.1.2.1", "a list of orders is an object with URLs of the account's", "test_orders_are_listed_as_an_object_with_those_of_the_account"),
        ("7.2", "HEAD and GET give a nonce, without body, 204 to GET, no-store", "test_a_nonce_comes_without_a_body_and_is_not_to_be_cached"),
        ("7.3", "201, the account's URL and object", "test_a_new_account_is_201_with_its_url_and_object"),
        ("7.3", "orders and unknown fields are ignored, and not reflected", "test_fields_that_are_not_the_client_s_or_not_known_are_ignored"),
        ("7.3", "mailto is supported; unsupportedContact, invalidContact", "test_contacts_are_judged_and_mailto_is_supported"),
        ("7.3", "terms are named in meta, and must be agreed to", "test_without_agreement_to_the_terms_there_is_no_account"),
        ("7.3.1", "a key that has an account: 200, its URL, as it was", "test_a_key_that_has_an_account_finds_it_as_it_was"),
        ("7.3.1", "onlyReturnExisting makes none: 400 accountDoesNotExist", "test_who_only_looks_for_an_account_makes_none"),
        ("7.3.2", "orders, terms, status and unknown fields of an update are ignored; 200", "test_an_update_changes_contacts_and_nothing_else"),
        ("7.3.3", "userActionRequired: 403, a link to the terms, an instance", "test_without_agreement_to_the_terms_there_is_no_account"),
        ("7.3.5", "the steps of a key change", "test_a_key_change_is_held_to_every_step"),
        ("7.3.5", "the account is active", "test_a_key_change_is_of_an_active_account"),
        ("7.3.5", "the new key is nobody's: 409, whose", "test_the_key_of_an_account_is_not_taken_by_another"),
        ("7.3.5", "200, and orders and authorizations go on", "test_a_key_is_changed_and_orders_go_on"),
        ("7.3.6", "deactivation is signed by the account; then 401 unauthorized", "test_a_deactivated_account_may_nothing"),
        ("11.1", "no two accounts have one key", "test_the_key_of_an_account_is_not_taken_by_another"),
    ),
    Requirement(
        "7.3.3", "changed terms are agreed to again", otherwise="no request is refused for that",
    ),
    Requirement(
        "7.3.4", "externalAccountRequired in meta where a binding is asked for",
        f"{ACCOUNTS}::test_meta_says_what_provisioners_are_configured_with",
    ),
    *_of(
        EXTERNAL,
        ("7.3.4", "a binding that holds is shown in the new account", "test_a_key_lets_one_account_in"),
        ("7.3.4", "a MAC is asked for", "test_every_mac_of_the_reference_is_taken"),
        ("7.3.4", "alg, kid, no nonce, url, the account's key as payload, the MAC: or no account", "test_a_binding_must_be_as_it_must"),
        ("7.3.4", "what is no JWS is refused", "test_what_is_no_binding_is_malformed"),
        ("7.3.4", "without one where it is asked for: externalAccountRequired", "test_without_a_key_nobody_gets_in"),
        ("7.3.4", "one that is not verified is not shown", "test_where_none_is_asked_for_a_binding_is_passed_over_and_not_shown"),
    ),
    *_of(
        ORDERS,
        ("7.1.3", "the fields of an order; expires while pending or valid", "test_an_order_has_what_it_must"),
        ("7.1.3", "identifiers and authorizations are immutable", "test_identifiers_and_authorizations_never_change"),
        ("7.1.3", "a wildcard's authorization is without `*.`, and marked", "test_a_wildcard_is_authorized_by_its_base_and_marked"),
        ("7.1.4", "wildcard is absent elsewhere", "test_a_wildcard_is_authorized_by_its_base_and_marked"),
        ("7.1.4", "names are encoded as in certificates", "test_names_are_kept_as_certificates_have_them"),
        ("7.1.4", "labels with xn-- are verified", "test_labels_that_are_encoded_wrongly_are_refused"),
        ("7.1.6", "the states of what succeeds", "test_the_states_of_an_order_that_succeeds"),
        ("7.1.6", "the states of what fails", "test_the_states_of_an_order_that_fails"),
        ("7.1.6", "a valid authorization that ends", "test_a_valid_authorization_is_deactivated_or_expires_and_the_order_is_invalid"),
        ("7.4", "201 with URL, and authorizations to be completed", "test_a_new_order_is_201_with_its_url_and_its_authorizations_pending"),
        ("7.4", "what cannot be fulfilled is an error", "test_what_cannot_be_fulfilled_is_an_error"),
        ("7.4", "no certificate with other contents", "test_a_certificate_is_what_was_asked_and_no_more"),
        ("7.4", "the CSR has exactly the identifiers", "test_a_csr_is_for_exactly_the_identifiers"),
        ("7.4", "in the subject or the extension, or both", "test_a_name_is_in_the_subject_or_the_extension_or_both"),
        ("7.4", "an order that is not ready: 403 orderNotReady", "test_an_order_that_is_not_ready_is_not_finalized"),
        ("7.4.1", "pre-authorization is pending; 201, its URL", "test_pre_authorization_makes_a_pending_authorization"),
        ("7.4.1", "not of wildcards", "test_wildcards_and_what_is_no_identifier_are_not_authorized_before"),
        ("7.4.2", "a chain in PEM, immutable", "test_the_download_is_a_chain_in_pem_from_the_leaf_up"),
        ("7.4.2", "by its account", "test_a_certificate_is_for_the_account_that_ordered_it"),
        ("11.1", "the key of a CSR is no account's", "test_the_key_of_a_csr_is_no_account_s"),
    ),
    Requirement(
        "7.4", "an order that is valid: 403 orderNotReady",
        f"{ORDERS}::test_a_repeated_finalization_with_the_same_csr_gives_the_same_certificate",
        otherwise="to the CSR that it was issued for, the order is given again, as step-ca does",
    ),
    *_of(
        AUTHORIZATIONS,
        ("7.1.4", "the fields of an authorization; expires when valid", "test_an_authorization_has_what_it_must"),
        ("7.5.1", "200 with the challenge; unknown fields are ignored", "test_a_response_is_answered_by_the_challenge"),
        ("7.5.1", "a response that is none is an error", "test_a_response_that_is_none_is_an_error"),
        ("7.5.1", "polls: 200", "test_polls_are_answered_while_it_goes_on"),
        ("7.5.1", "settled by one challenge, which stays", "test_one_challenge_settles_the_authorization_and_stays_in_it"),
        ("7.5.1", "what was begun or settled is not begun again", "test_a_second_response_changes_nothing"),
        ("7.5.2", "deactivation by its account; it issues nothing more", "test_an_authorization_is_given_up_by_its_account_alone"),
        ("7.5.2", "no other status is the client's to set", "test_no_client_sets_another_status"),
        ("7.6", "the account that ordered revokes", "test_the_account_that_ordered_revokes"),
        ("7.6", "and one that has proven all names", "test_an_account_that_has_proven_all_the_names_revokes"),
        ("7.6", "and the certificate's key, nobody else", "test_the_certificate_s_key_revokes_and_no_other_does"),
        ("7.6", "badRevocationReason", "test_a_reason_that_is_not_allowed_is_told"),
        ("8", "the fields of a challenge; validated when valid", "test_a_challenge_has_what_it_must"),
        ("8.1", "the key authorization is of the account's key, by its thumbprint", "test_the_key_authorization_is_of_the_key_of_now"),
        ("8.3", "tokens: 128 bits, base64url", "test_tokens_have_128_bits_and_the_alphabet_of_base64url"),
    ),
    Requirement(
        "8", "a challenge with an error is invalid",
        otherwise="8.2 asks for errors while it is processing, and so do we; clients poll for them",
    ),
    Requirement("7.1.6", "moves are those of the diagram", f"{STATES}::test_orders_move_along_the_edges_of_the_rfc_alone"),
    Requirement("7.1.6", "what is final stays so", f"{STATES}::test_what_is_final_stays_so"),
    *_of(
        VALIDATION,
        ("8.2", "an error after each look that failed, while it is tried again", "test_while_nothing_answers_the_error_is_shown_and_it_is_looked_at_again"),
        ("8.2", "invalid only when given up", "test_what_does_not_come_up_is_given_up"),
        ("8.3", "the page must be the key authorization", "test_a_wrong_answer_is_final_and_told"),
        ("8.4", "the record of the base name proves a wildcard", "test_dns_01_waits_for_the_record"),
    ),
    Requirement("8.2", "Retry-After with challenges", f"{AUTHORIZATIONS}::test_polls_are_answered_while_it_goes_on"),
    Requirement("8.3", "white space after it is ignored", f"{PROOFS}::test_a_page_may_have_white_space_round_the_key_authorization"),
    Requirement("8.3", "port 80 by plain HTTP, redirects followed", f"{HTTP}::test_redirects_are_followed_to_other_ports_and_paths"),
    Requirement("8.4", "one of several records is enough", f"{PROOFS}::test_one_of_several_records_is_enough_and_a_missing_one_is_not_final"),
)


def table() -> str:
    """Write it for people."""
    lines = ["| RFC 8555 | a server must | test |", "|---|---|---|"]
    for each in REQUIREMENTS:
        where = each.test.rpartition("::")[2]
        said = "; ".join(filter(None, (f"`{where}`" if where else "", each.otherwise)))
        lines.append(f"| {each.section} | {each.text} | {said} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201

/* Debian's libpq.a names Kerberos and LDAP functions, whose static libraries Debian does not ship.
 * lintas offers neither: each answers "not available", which libpq treats as "no credentials" and
 * "no such service". Their parameters are not looked at, so none are declared (System V ABI). */

enum { kGssFailure = 13 << 16 }; /* GSS_S_FAILURE, RFC 2744 section 3.9.1 */
enum { kLdapNotSupported = 0x5c };

void* GSS_C_NT_HOSTBASED_SERVICE = 0;

unsigned gss_acquire_cred(void);
unsigned gss_delete_sec_context(void);
unsigned gss_display_status(void);
unsigned gss_import_name(void);
unsigned gss_init_sec_context(void);
unsigned gss_release_buffer(void);
unsigned gss_release_cred(void);
unsigned gss_release_name(void);
unsigned gss_unwrap(void);
unsigned gss_wrap(void);
unsigned gss_wrap_size_limit(void);

unsigned gss_acquire_cred(void) { return kGssFailure; }
unsigned gss_delete_sec_context(void) { return kGssFailure; }
unsigned gss_display_status(void) { return kGssFailure; }
unsigned gss_import_name(void) { return kGssFailure; }
unsigned gss_init_sec_context(void) { return kGssFailure; }
unsigned gss_release_buffer(void) { return kGssFailure; }
unsigned gss_release_cred(void) { return kGssFailure; }
unsigned gss_release_name(void) { return kGssFailure; }
unsigned gss_unwrap(void) { return kGssFailure; }
unsigned gss_wrap(void) { return kGssFailure; }
unsigned gss_wrap_size_limit(void) { return kGssFailure; }

void* ldap_init(void);
void* ldap_first_entry(void);
void* ldap_get_values_len(void);
const char* ldap_err2string(void);
int ldap_count_entries(void);
int ldap_msgfree(void);
int ldap_result(void);
int ldap_search_st(void);
int ldap_set_option(void);
int ldap_simple_bind(void);
int ldap_unbind(void);
void ldap_value_free_len(void);

void* ldap_init(void) { return 0; }
void* ldap_first_entry(void) { return 0; }
void* ldap_get_values_len(void) { return 0; }
const char* ldap_err2string(void) { return "LDAP is not part of this build"; }
int ldap_count_entries(void) { return 0; }
int ldap_msgfree(void) { return 0; }
int ldap_result(void) { return -1; }
int ldap_search_st(void) { return kLdapNotSupported; }
int ldap_set_option(void) { return kLdapNotSupported; }
int ldap_simple_bind(void) { return -1; }
int ldap_unbind(void) { return 0; }
void ldap_value_free_len(void) {}

#include "config/check.hpp"

#include <fmt/format.h>

#include "support.hpp"

namespace lintas::config {

using Lines = std::vector<std::string>;

TEST_CASE("check: a broken rule is reported at the line of its key", "[unit][config]") {
    struct Row {
        const char* yaml;  // kUrl stands before it, on line 1
        const char* problem;
    };
    const auto row = GENERATE(values<Row>({
        {"site: two words", "FILE:2: site: must be at most 63 letters, digits, '-', '_' and '.'"},
        {"listen:\n  public:\n    address: 8080",
         "FILE:4: listen.public.address: must be host:port, like 127.0.0.1:8080 or [::1]:8080"},
        {"listen: { admin: { address: '::1:8080' } }",
         "FILE:2: listen.admin.address: must be host:port, like 127.0.0.1:8080 or [::1]:8080"},
        {"listen: { admin: { address: '1.2.3:8080' } }",
         "FILE:2: listen.admin.address: must be host:port, like 127.0.0.1:8080 or [::1]:8080"},
        {"listen: { admin: { address: '127.0.0.1:65536' } }",
         "FILE:2: listen.admin.address: must be host:port, like 127.0.0.1:8080 or [::1]:8080"},
        {"listen: { admin: { address: '0.0.0.0:8080' } }",
         "FILE:2: listen.admin.address: is also listen.public.address"},
        {"listen: { link: {} }",
         "FILE:2: listen.link.address: is required, since listen.link is there"},
        {"listen: { link: { address: 8443 } }",
         "FILE:2: listen.link.address: must be host:port, like 127.0.0.1:8080 or [::1]:8080"},
        {"listen: { link: { address: '0.0.0.0:8443' } }",
         "FILE:2: listen.link.address: must be a loopback address; TLS for the link is not part of "
         "this build"},
        {"listen: { link: { address: '127.example.org:8443' } }",
         "FILE:2: listen.link.address: must be a loopback address; TLS for the link is not part of "
         "this build"},
        {"listen: { link: { address: '127.0.0.1:9090' } }",
         "FILE:2: listen.link.address: is also listen.admin.address"},
        {"listen: { public: { address: '[::1]:1' }, link: { address: '[::1]:1' } }",
         "FILE:2: listen.link.address: is also listen.public.address"},
        {"consistency: { position_key: 0123456789abcde }",
         "FILE:2: consistency.position_key: must be at least 16 bytes long"},
        {"listen: { public: { tls: { cert: /nonexistent, key: /dev/null } } }",
         "FILE:2: listen.public.tls.cert: cannot be read: No such file or directory"},
        {"listen: { public: { tls: { cert: /dev/null } } }",
         "FILE:2: listen.public.tls.key: is required, since listen.public.tls is there"},
        {"listen: { public: { tls: { cert: /dev/null, key: /tmp } } }",
         "FILE:2: listen.public.tls.key: cannot be read: Is a directory"},
        {"api: { schemas: [] }", "FILE:2: api.schemas: must name at least one schema"},
        {"api: { schemas: [a, information_schema] }",
         "FILE:2: api.schemas: information_schema must not be exposed"},
        {"api: { schemas: [a, b, a] }", "FILE:2: api.schemas: names a schema twice"},
        {"api: { anon_role: none }", "FILE:2: api.anon_role: \"none\" is not a role"},
        {"api: { pre_request: f }", "FILE:2: api.pre_request: must be schema.function"},
        {"api: { pre_request: a.b.c }", "FILE:2: api.pre_request: must be schema.function"},
        {"api: { tx_end: rollback }",
         "FILE:2: api.tx_end: rollback and rollback_allow_override need api.testing: true"},
        {"api: { tx_end: rollback_allow_override, testing: false }",
         "FILE:2: api.tx_end: rollback and rollback_allow_override need api.testing: true"},
        {"api: { cors_origins: ['https://a.example/'] }",
         "FILE:2: api.cors_origins: must hold origins like https://example.org, without a path"},
        {"api: { cors_origins: ['a.example'] }",
         "FILE:2: api.cors_origins: must hold origins like https://example.org, without a path"},
        {"api: { jwt: { secret: 0123456789012345678901234567890 } }",
         "FILE:2: api.jwt.secret: must be at least 32 bytes long"},
        {"api: { jwt: { secret_is_base64: true, secret: 01234567890123456789012345678901 } }",
         "FILE:2: api.jwt.secret: must be at least 32 bytes long"},
        {"api: { jwt: { secret_is_base64: true, secret: '0123456789012345678901234567890!' } }",
         "FILE:2: api.jwt.secret: is not base64, which secret_is_base64 says it is"},
        {"api:\n  jwt:\n    secret: 01234567890123456789012345678901\n    jwks: /dev/null",
         "FILE:3: api.jwt: secret and jwks exclude each other"},
        {"api: { jwt: { jwks: /nonexistent } }",
         "FILE:2: api.jwt.jwks: cannot be read: No such file or directory"},
        {"api: { jwt: { role_claim: role } }",
         "FILE:2: api.jwt.role_claim: must be a path such as .role or .realm.\"my roles\"[0]"},
    }));
    CAPTURE(row.yaml);
    CHECK(load(kUrl + row.yaml + "\n").problems == Lines{row.problem});
}

TEST_CASE("check: what the URL of the primary may look like", "[unit][config]") {
    const std::string good =
        GENERATE("postgresql://h/db", "postgres://u@h,h2/db?target_session_attrs=read-write",
                 "host=h dbname=x", "service=shop");
    CHECK(load("database: { primary: { url: \"" + good + "\" } }\n").problems == Lines{});
    const std::string bad = GENERATE("h/db", "mysql://h/db?a=b", "shop");
    CHECK(load("database:\n  primary:\n    url: " + bad + "\n").problems ==
          Lines{"FILE:3: database.primary.url: must be postgresql://... or libpq keywords such as "
                "host=... dbname=..."});
}

TEST_CASE("check: the link listens on loopback addresses only", "[unit][config]") {
    const std::string address = GENERATE("127.0.0.1:0", "127.1.2.3:8443", "[::1]:1", "localhost:2");
    CHECK(load(kUrl + "listen: { link: { address: \"" + address + "\" } }\n").problems == Lines{});
}

TEST_CASE("check: what PostgreSQL would refuse or cut off is refused for the feed",
          "[unit][config]") {
    const std::string slot =
        GENERATE(values<std::string>({"Slot", "a-b", "a.b", std::string(64, 'a')}));
    const std::string start = "database:\n  primary: { url: host=h }\n  feed:\n    url: host=f\n";
    CHECK(load(start + "    slot: " + slot + "\n").problems ==
          Lines{"FILE:5: database.feed.slot: must be at most 63 lower-case letters, digits and "
                "'_', as PostgreSQL wants it"});
    CHECK(load(start + "    slot: " + std::string(63, 'a') + "\n").problems == Lines{});
    CHECK(load(start + "    publication: " + std::string(64, 'a') + "\n").problems ==
          Lines{"FILE:5: database.feed.publication: must be at most 63 bytes long"});
    CHECK(load("database:\n  primary: { url: host=h }\n  feed: { url: shop }\n").problems ==
          Lines{"FILE:3: database.feed.url: must be postgresql://... or libpq keywords such as "
                "host=... dbname=..."});
}

TEST_CASE("check: a key that was refused is not reported again as missing", "[unit][config]") {
    CHECK(load("database: { primary: { url: [] } }\n").problems ==
          Lines{"FILE:1: database.primary.url: must be a single value, not a list"});
}

TEST_CASE("check: a missing key is reported at the section it belongs to", "[unit][config]") {
    CHECK(load("site: a\ndatabase:\n  primary:\n    pool: 3\n").problems ==
          Lines{"FILE:3: database.primary.url: is required for --role=primary"});
}

TEST_CASE("check: a base64 secret counts after decoding, in either alphabet", "[unit][config]") {
    const std::string secret = GENERATE("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
                                        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE",
                                        "-_-_+/+/MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5");
    CHECK(load(kUrl + "api: { jwt: { secret_is_base64: true, secret: \"" + secret + "\" } }\n")
              .problems == Lines{});
}

}  // namespace lintas::config

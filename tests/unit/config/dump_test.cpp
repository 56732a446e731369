#include "config/dump.hpp"

#include "config/mask.hpp"
#include "config/reload.hpp"
#include "support.hpp"

namespace lintas::config {

using Lines = std::vector<std::string>;

TEST_CASE("dump: what it prints loads again to the same configuration", "[unit][config]") {
    const std::string yaml = GENERATE(values<std::string>(
        {kUrl, R"(
site: jakarta
database: { primary: { url: "host=h dbname='a b' user=u", pool: 3, prepared: false } }
limits: { body_bytes: 1000, header_bytes: 64KiB, drain: 90s, idle_timeout: 1500ms, header_timeout: 1h }
api:
  schemas: ["with \"quotes\"", "back\\slash", 'dollar$${x}', "tab\tnew\nline", "é", "a,b", "- x", "~"]
  extra_search_path: []
  anon_role: "true"
  max_rows: 10
  testing: true
  tx_end: rollback
  cors_origins: ["https://a.example", "http://b.example:8080"]
  jwt: { role_claim: '.a."b c"[0]', audience: "#me: x" }
consistency:
  default: critical
  replica_wait: 0s
  tables: { payments: { default: critical }, a.b: { default: eventual }, "x \"${y}: z": { default: critical },
            default: { default: critical }, t.default: { default: eventual } }
cache: { memory: { size: 0 } }
log: { level: debug, format: text }
)",
         R"(
database:
  primary: { url: host=h }
  replicas: [ { name: r1, url: "host=r1 user='a b'" }, { name: r2, url: "postgresql://u@r2/db", pool: 3 } ]
  feed: { url: "host=f", publication: "With \"quotes\"" }
listen: { link: { address: "[::1]:0" } }
)",
         kUrl +
             "listen: { public: { address: '[::]:0', tls: { cert: /dev/null, key: /dev/null } } }\n"
             "api: { jwt: { jwks: /dev/null } }\n"}));
    CAPTURE(yaml);
    const Loaded first = load(yaml);
    REQUIRE(first.problems == Lines{});
    const std::string text = dump(first.config);
    const Loaded second = load(text);
    CAPTURE(text);
    CHECK(second.problems == Lines{});
    CHECK(second.config == first.config);
    CHECK(dump(second.config) == text);
}

TEST_CASE("dump: secrets are masked and the result still loads", "[unit][config]") {
    const char* const secret =
        GENERATE("secret: 'a-very-secret-text-of-more-than-32-bytes'",
                 "secret_is_base64: true, secret: "
                 "'YS12ZXJ5LXNlY3JldC10ZXh0LW9mLW1vcmUtdGhhbi0zMi1ieXRlcw=='");
    const Loaded loaded = load(
        "database:\n"
        "  primary: { url: 'postgresql://u:hunter2@h/db' }\n"
        "  replicas: [ { name: r, url: 'postgresql://u:hunter2@r/db' } ]\n"
        "  feed: { url: 'host=f password=hunter2' }\n"
        "consistency: { position_key: a-very-secret-key }\n"
        "api: { jwt: { " +
        std::string{secret} + " } }\n");
    REQUIRE(loaded.problems == Lines{});
    const std::string text = dump(loaded.config);
    CAPTURE(text);
    CHECK(text.find("very-secret") == std::string::npos);
    CHECK(text.find("YS12ZXJ5") == std::string::npos);
    CHECK(text.find("hunter2") == std::string::npos);
    CHECK(text.find("url: \"postgresql://u:********@h/db\"") != std::string::npos);
    CHECK(text.find("url: \"postgresql://u:********@r/db\"") != std::string::npos);
    CHECK(text.find("url: \"host=f password=********\"") != std::string::npos);
    CHECK(text.find("position_key: \"****************") != std::string::npos);
    CHECK(load(text).problems == Lines{});
}

TEST_CASE("dump: elements stand as their file would have them", "[unit][config]") {
    const std::string text = dump(load(R"(
database:
  primary: { url: host=h }
  replicas: [ { name: a, url: host=a }, { name: b, url: host=b, pool: 3 } ]
consistency: { tables: { s.t: { default: critical } } }
)")
                                      .config);
    CAPTURE(text);
    CHECK(text.find(R"(  tables:
    "s.t":
      default: critical
)") != std::string::npos);
    CHECK(text.find(R"(    prepared: true
  replicas:
    -
      name: "a"
      url: "host=a"
      pool: 8
    -
      name: "b"
      url: "host=b"
      pool: 3
cache:
)") != std::string::npos);
}

TEST_CASE("dump: the whole of it, for the defaults", "[unit][config]") {
    CHECK(dump(load(kUrl).config) == R"(site: "local"
threads: 0
listen:
  public:
    address: "0.0.0.0:8080"
  admin:
    address: "127.0.0.1:9090"
limits:
  connections: 20000
  header_bytes: 16KiB
  target_bytes: 8KiB
  body_bytes: 8MiB
  request_timeout: 5s
  header_timeout: 10s
  body_timeout: 30s
  idle_timeout: 75s
  drain: 20s
  in_flight: 4096
  nesting: 32
  filters: 256
api:
  schemas: ["public"]
  extra_search_path: ["public"]
  jwt:
    secret_is_base64: false
    role_claim: ".role"
  cache_claims: ["sub"]
  tx_end: commit
  testing: false
  cors_origins: []
consistency:
  default: eventual
  max_staleness: 5s
  replica_wait: 150ms
  cookie: false
  local_only: false
  confirm_primary: false
database:
  primary:
    url: "postgresql://h/db"
    pool: 16
    through_pooler: false
    prepared: true
cache:
  memory:
    size: 256MiB
log:
  level: info
  format: json
)");
}

TEST_CASE("mask: passwords disappear from both forms of a connection string", "[unit][config]") {
    struct Row {
        const char* url;
        const char* masked;
    };
    const auto row = GENERATE(values<Row>({
        {"postgresql://h/db", "postgresql://h/db"},
        {"postgresql://u@h/db", "postgresql://u@h/db"},
        {"postgres://u:p@h:5432,i:5433/db?x=y", "postgres://u:********@h:5432,i:5433/db?x=y"},
        {"postgresql://u:p:q/r@h/db", "postgresql://u:********@h/db"},
        {"postgresql://u:p@q@h/db", "postgresql://u:********@h/db"},
        {"postgresql://u:p?q@h/db", "postgresql://********"},
        {"postgresql://u:p@h/db?application_name=a@b", "postgresql://********"},
        {"postgresql://h:5432/db?user=u&password=p@q", "postgresql://********"},
        {"postgresql://h/db?user=u&password=p&x=y",
         "postgresql://h/db?user=u&password=********&x=y"},
        {"postgresql://h/db?p%61ssword=p", "postgresql://h/db?p%61ssword=********"},
        {"postgresql://h/db?password=p&q", "postgresql://h/db?********"},
        {"postgresql://h/db?sslpassword=p", "postgresql://h/db?sslpassword=********"},
        {"host=h password=p dbname=d", "host=h password=******** dbname=d"},
        {" host = h  password = 'p q\\' r' dbname=d", "host=h password=******** dbname=d"},
        {"password=p\\ q host=h", "password=******** host=h"},
        {"host='a b' sslpassword=x", "host='a b' sslpassword=********"},
        {"password=p q", "unreadable=********"},
        {"password='p", "unreadable=********"},
        {"password=p\\", "password=********"},
        {"host=h password=", "host=h password=********"},
    }));
    CAPTURE(row.url);
    CHECK(mask_url(row.url) == row.masked);
}

TEST_CASE("reload: listeners and threads need a restart, the rest does not", "[unit][config]") {
    const Config before = load(kUrl).config;
    Config after = before;
    after.limits.drain *= 2;
    after.api.schemas = {"x"};
    after.log.level = LogLevel::debug;
    after.database.replicas = {{"r", "host=r", 8}};
    after.cache.memory_size = 0;
    after.consistency.max_staleness *= 2;
    CHECK(needs_restart(before, after) == Lines{});
    after.threads = 3;
    after.listen.admin.address = "127.0.0.1:1";
    after.listen.public_.tls = TlsFiles{"c", "k"};
    CHECK(needs_restart(before, after) == Lines{"threads", "listen.public.tls.cert",
                                                "listen.public.tls.key", "listen.admin.address"});
    after = before;
    after.listen.link = Endpoint{"127.0.0.1:1"};
    CHECK(needs_restart(before, after) == Lines{"listen.link.address"});
    after = before;
    after.database.feed = Feed{"host=f"};
    CHECK(needs_restart(before, after) == Lines{"database.feed"});
    after = before;
    after.listen.public_.address = "x:1";
    CHECK(needs_restart(before, after) == Lines{"listen.public.address"});
}

}  // namespace lintas::config

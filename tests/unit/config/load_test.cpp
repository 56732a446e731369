#include "config/load.hpp"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "support.hpp"

namespace lintas::config {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

TEST_CASE("load: a database URL alone is a complete configuration", "[unit][config]") {
    const Loaded loaded = load(kUrl);
    CHECK(loaded.problems == Lines{});
    Config expected;
    expected.database.primary.url = "postgresql://h/db";
    CHECK(loaded.config == expected);
}

TEST_CASE("load: every key reaches its place", "[unit][config]") {
    TempDir dir;
    const std::string cert = dir.write("cert", "c");
    const std::string key = dir.write("key", "k");
    const Loaded loaded = load(fmt::format(R"(site: jakarta
threads: 4
listen:
  public: {{ address: "[::1]:80", tls: {{ cert: {}, key: {} }} }}
  admin: {{ address: "localhost:91" }}
  link: {{ address: "127.0.0.1:92" }}
limits:
  connections: 1
  header_bytes: 2KiB
  target_bytes: 1024
  body_bytes: 3MiB
  request_timeout: 250ms
  header_timeout: 2s
  body_timeout: 3m
  idle_timeout: 2h
  drain: 4s
  in_flight: 5
  nesting: 6
  filters: 7
api:
  schemas: [a, b]
  extra_search_path: []
  anon_role: anon
  jwt: {{ secret: "0123456789012345678901234567890123", audience: me, role_claim: '.a[1]."b c"' }}
  cache_claims: [sub, tenant]
  pre_request: a.f
  max_rows: 8
  tx_end: rollback_allow_override
  testing: true
  cors_origins: ["https://a.example"]
consistency:
  default: critical
  max_staleness: 10s
  replica_wait: 11ms
  position_key: "0123456789abcdef"
  cookie: true
  local_only: true
  confirm_primary: true
  tables:
    payments: {{ default: critical }}
    api.log: {{ default: eventual }}
database:
  primary: {{ url: "host=h", pool: 9, through_pooler: true, prepared: false }}
  replicas:
    - {{ name: r1, url: "host=r1" }}
    - name: r.2
      url: "host=r2"
      pool: 12
  feed: {{ url: "host=f", publication: Some Publication, slot: some_slot }}
cache: {{ memory: {{ size: 13MiB }} }}
log: {{ level: warn, format: text }}
)",
                                           cert, key));
    CHECK(loaded.problems == Lines{});
    Config e;
    e.site = "jakarta";
    e.threads = 4;
    e.listen = {{"[::1]:80", TlsFiles{cert, key}},
                {"localhost:91", std::nullopt},
                Endpoint{"127.0.0.1:92"}};
    e.limits = {1, 2048, 1024, 3 << 20, 250ms, 2s, 3min, 2h, 4s, 5, 6, 7};
    e.api.schemas = {"a", "b"};
    e.api.extra_search_path = {};
    e.api.anon_role = "anon";
    e.api.jwt = {"0123456789012345678901234567890123", false, "", "me", ".a[1].\"b c\""};
    e.api.cache_claims = {"sub", "tenant"};
    e.api.pre_request = "a.f";
    e.api.max_rows = 8;
    e.api.tx_end = TxEnd::rollback_allow_override;
    e.api.testing = true;
    e.api.cors_origins = {"https://a.example"};
    e.database.primary = {"host=h", 9, true, false};
    constexpr ConsistencyDefault kCritical = ConsistencyDefault::critical;
    e.consistency = {kCritical, 10s, 11ms, "0123456789abcdef", true, true, true, {}};
    e.consistency.tables = {{"payments", kCritical}, {"api.log", ConsistencyDefault::eventual}};
    e.database.replicas = {{"r1", "host=r1", 8}, {"r.2", "host=r2", 12}};
    e.database.feed = Feed{"host=f", "Some Publication", "some_slot"};
    e.cache.memory_size = 13 << 20;
    e.log = {LogLevel::warn, LogFormat::text};
    CHECK(loaded.config == e);
}

TEST_CASE("load: config/primary.yaml loads without a problem and shows the defaults",
          "[unit][config]") {
    LoadInput input;
    input.path = std::string{LINTAS_SOURCE_DIR} + "/config/primary.yaml";
    Problems problems;
    const Config config = load_config(input, problems);
    CHECK(problems.lines() == Lines{});
    Config expected;
    expected.database.primary.url = config.database.primary.url;
    CHECK(config == expected);
}

TEST_CASE("load: the keys that config/primary.yaml has commented out exist", "[unit][config]") {
    // Every indented comment line with a colon is switched on; only the files it names are missing.
    std::ifstream file{std::string{LINTAS_SOURCE_DIR} + "/config/primary.yaml"};
    std::string text;
    std::string line;
    while (std::getline(file, line)) {
        const std::size_t hash = line.find("# ");
        const bool key = hash != std::string::npos && hash > 1 &&
                         line.find_first_not_of(' ') == hash &&
                         line.find(':', hash) != std::string::npos;
        text += (key ? line.substr(0, hash) + line.substr(hash + 2) : line) + "\n";
    }
    const Loaded loaded = load(text);
    for (const std::string& problem : loaded.problems) {
        INFO(problem);
        const bool about_files = problem.find("No such file") != std::string::npos ||
                                 problem.find("exclude each other") != std::string::npos;
        CHECK(about_files);
    }
    CHECK(loaded.config.api.anon_role == "web_anon");
    CHECK(loaded.config.api.jwt.audience == "my-api");
    CHECK(loaded.config.api.pre_request == "app.check_request");
    CHECK(loaded.config.api.max_rows == 1000);
    CHECK(loaded.config.listen.public_.tls.has_value());
    CHECK(loaded.config.listen.link.has_value());
    CHECK(loaded.config.database.replicas.size() == 1);
    CHECK(loaded.config.database.feed.has_value());
    CHECK(loaded.config.consistency.tables.size() == 2);
}

TEST_CASE("load: one mistake, one problem with its line", "[unit][config]") {
    struct Row {
        const char* yaml;  // kUrl stands before it, on line 1
        const char* problem;
    };
    const auto row = GENERATE(values<Row>({
        {"sites: x", "FILE:2: sites: is not a key; did you mean site?"},
        {"api: { anonrole: x }", "FILE:2: api.anonrole: is not a key; did you mean api.anon_role?"},
        {"api: { secret: x }", "FILE:2: api.secret: is not a key; did you mean api.jwt.secret?"},
        {"frobnicate: 1", "FILE:2: frobnicate: is not a key"},
        {"site.x: 1", "FILE:2: site.x: is not a key; write one level per line"},
        {"api.anon_role: x", "FILE:2: api.anon_role: is not a key; write one level per line"},
        {"listen: { admin: { tls: { cert: /x } } }",
         "FILE:2: listen.admin.tls: is not a key; did you mean listen.public.tls?"},
        {"site: a\nsite: b", "FILE:3: site: is already set on line 2"},
        {"\n\nsite:", "FILE:4: site: has no value"},
        {"site: [a]", "FILE:2: site: must be a single value, not a list"},
        {"site: { a: b }", "FILE:2: site: must be a value, not keys"},
        {"site: ''", "FILE:2: site: is empty; leave the key out instead"},
        {"site: \"a\\0b\"", "FILE:2: site: holds a NUL byte"},
        {"limits: 3", "FILE:2: limits: must hold keys, not a value"},
        {"limits: [3]", "FILE:2: limits: must hold keys, not a value"},
        {"threads: many", "FILE:2: threads: must be a whole number, not \"many\""},
        {"threads: 1.5", "FILE:2: threads: must be a whole number, not \"1.5\""},
        {"threads: -1", "FILE:2: threads: must be between 0 and 256, not \"-1\""},
        {"threads: 257", "FILE:2: threads: must be between 0 and 256, not \"257\""},
        {"threads: 99999999999999999999",
         "FILE:2: threads: must be a whole number, not \"99999999999999999999\""},
        {"api: { testing: yes }", "FILE:2: api.testing: must be true or false, not \"yes\""},
        {"api: { schemas: public }", "FILE:2: api.schemas: must be a list, like [a, b]"},
        {"api:\n  schemas:\n    - a\n    - [b]",
         "FILE:5: api.schemas: must be a list of single values"},
        {"api: { schemas: [''] }", "FILE:2: api.schemas: holds an empty item"},
        {"api: { tx_end: abort }",
         "FILE:2: api.tx_end: must be one of commit, commit_allow_override, rollback, "
         "rollback_allow_override, not \"abort\""},
        {"api: { max_rows: 0 }",
         "FILE:2: api.max_rows: must be between 1 and 1000000000, not \"0\""},
        {"log: { level: loud }",
         "FILE:2: log.level: must be one of debug, info, warn, error, not \"loud\""},
        {"limits: { drain: 5 }",
         "FILE:2: limits.drain: must be a duration such as 250ms, 5s, 10m or 1h, not \"5\""},
        {"limits: { drain: 1m30s }",
         "FILE:2: limits.drain: must be a duration such as 250ms, 5s, 10m or 1h, not \"1m30s\""},
        {"limits: { drain: -5s }",
         "FILE:2: limits.drain: must be a duration such as 250ms, 5s, 10m or 1h, not \"-5s\""},
        {"limits: { drain: 0s }", "FILE:2: limits.drain: must be between 1ms and 1h, not \"0s\""},
        {"limits: { idle_timeout: 25h }",
         "FILE:2: limits.idle_timeout: must be between 1ms and 24h, not \"25h\""},
        {"limits: { drain: 9223372036854775807h }",
         "FILE:2: limits.drain: must be a duration such as 250ms, 5s, 10m or 1h, not "
         "\"9223372036854775807h\""},
        {"limits: { body_bytes: 64KB }",
         "FILE:2: limits.body_bytes: must be a size such as 64KiB or 1MiB, not \"64KB\""},
        {"limits: { body_bytes: 2GiB }",
         "FILE:2: limits.body_bytes: must be between 1 and 1GiB, not \"2GiB\""},
        {"consistency: { default: strong }",
         "FILE:2: consistency.default: must be one of eventual, critical, not \"strong\""},
        {"consistency: { max_staleness: 0s }",
         "FILE:2: consistency.max_staleness: must be between 1ms and 1h, not \"0s\""},
        {"consistency: { replica_wait: 2m }",
         "FILE:2: consistency.replica_wait: must be between 0s and 1m, not \"2m\""},
        {"consistency: { tables: [a] }",
         "FILE:2: consistency.tables: must be a mapping of { default: eventual|critical }"},
        {"consistency:\n  tables:\n    t: critical",
         "FILE:4: consistency.tables.t: must be { default: eventual|critical }"},
        {"consistency:\n  tables:\n    a.t: { default: no }",
         "FILE:4: consistency.tables.a.t.default: must be one of eventual, critical, not \"no\""},
        {"consistency: { tables: { t: { defualt: critical } } }",
         "FILE:2: consistency.tables.t.defualt: is not a key; did you mean "
         "consistency.tables.t.default?"},
        {"consistency:\n  tables:\n    t: { default: critical }\n    t: { default: critical }",
         "FILE:5: consistency.tables.t: is already set on line 4"},
        {"consistency: { tables: { '': { default: critical } } }",
         "FILE:2: consistency.tables..default: is not a key"},
        {"consistency: { table: {} }",
         "FILE:2: consistency.table: is not a key; did you mean consistency.tables?"},
        {"cache: { memory: { size: 2000GiB } }",
         "FILE:2: cache.memory.size: must be between 0KiB and 1024GiB, not \"2000GiB\""},
        {"limits: { header_bytes: 10 }",
         "FILE:2: limits.header_bytes: must be between 1KiB and 1MiB, not \"10\""},
        {"api: { anon_role: '${env:NOPE}' }",
         "FILE:2: api.anon_role: ${env:NOPE}: the variable is not set"},
        {"api: { anon_role: '${file:/nonexistent/x}' }",
         "FILE:2: api.anon_role: ${file:/nonexistent/x}: cannot be read: No such file or "
         "directory"},
        {"api: { anon_role: '${file:x}' }",
         "FILE:2: api.anon_role: ${file:}: the path must be absolute"},
        {"api: { anon_role: '${vault:secret/data/x#y}' }",
         "FILE:2: api.anon_role: ${vault:}: Vault is not part of this build"},
        {"api: { anon_role: '${x}' }",
         "FILE:2: api.anon_role: ${ is followed by neither file: nor env: ($${ is a literal ${)"},
        {"api: { anon_role: '${env:A' }", "FILE:2: api.anon_role: ${ has no closing }"},
        {"- a", "FILE:2: not valid YAML: end of map not found"},
        {"a: 'b", "FILE:2: not valid YAML: illegal EOF in scalar"},
        {"\tx: y", "FILE:2: not valid YAML: end of map not found"},
        {"site: &a b", "FILE:2: YAML anchors and aliases are not accepted"},
        {"api: &a { schemas: [x] }\nlog: *a", "FILE:2: YAML anchors and aliases are not accepted"},
        {"site: !!binary aGk=", "FILE:2: YAML tags are not accepted"},
        {"? [a]\n: b", "FILE:2: a key must be a plain word"},
        {"---\nsite: b", "FILE:3: only one YAML document is accepted"},
    }));
    CAPTURE(row.yaml);
    const Loaded loaded = load(kUrl + row.yaml + "\n");
    CHECK(loaded.problems == Lines{row.problem});
}

TEST_CASE("load: keys of later parts say so, once, wherever they come from", "[unit][config]") {
    const char* const key =
        GENERATE("standby_for", "backup_quiet", "cache.redis.nodes", "link.connections",
                 "vault.namespace", "trace.sample", "log.loki.url", "listen.link.tls.cert",
                 "listen.link.allow", "api.aggregates", "api.plan");
    const std::string path = key;
    CHECK(load(kUrl, {path + "=1"}).problems ==
          Lines{"--set " + path + ": is not part of this build"});
    std::string variable = "LINTAS__";
    for (const char c : path)
        variable += c == '.' ? "__" : std::string(1, static_cast<char>(std::toupper(c)));
    CHECK(load(kUrl, {}, {{variable, "1"}}).problems ==
          Lines{variable + ": is not part of this build"});

    // In a file it is reported at the outermost level that is a later part's.
    std::string yaml;
    std::istringstream words{path};
    std::string word;
    int depth = 0;
    while (std::getline(words, word, '.')) {
        if (depth > 0) yaml += "\n";
        yaml += std::string(static_cast<std::size_t>(depth++) * 2, ' ') + word + ":";
    }
    std::vector<std::string> sets{"database.primary.url=host=h"};
    // Its section is there, so it has to say where.
    if (path.starts_with("listen.link.")) sets.push_back("listen.link.address=127.0.0.1:0");
    const Loaded loaded = load(yaml + " 1\n", sets);
    REQUIRE(loaded.problems.size() == 1);
    CHECK_THAT(loaded.problems[0], Catch::EndsWith(": is not part of this build"));
}

TEST_CASE("load: all problems are reported at once, in the order of the lines", "[unit][config]") {
    const Loaded loaded = load(
        "threads: x\n"
        "limits:\n"
        "  drain: soon\n"
        "  wrong: 1\n"
        "api:\n"
        "  schemas: [pg_catalog]\n"
        "  tx_end: rollback\n"
        "vault: {}\n",
        {"log.level=x", "nonsense", "api=3"}, {{"LINTAS__THREADS", "y"}, {"OTHER", "z"}});
    CHECK(
        loaded.problems ==
        Lines{"FILE:1: threads: must be a whole number, not \"x\"",
              "FILE:1: database.primary.url: is required for --role=primary",
              "FILE:3: limits.drain: must be a duration such as 250ms, 5s, 10m or 1h, not \"soon\"",
              "FILE:4: limits.wrong: is not a key",
              "FILE:6: api.schemas: pg_catalog must not be exposed",
              "FILE:7: api.tx_end: rollback and rollback_allow_override need api.testing: true",
              "FILE:8: vault: is not part of this build",
              "LINTAS__THREADS: must be a whole number, not \"y\"",
              "--set log.level: must be one of debug, info, warn, error, not \"x\"",
              "--set: must be KEY=VALUE", "--set api: holds keys; set one of them"});
}

TEST_CASE("load: thousands of problems are counted, not listed", "[unit][config]") {
    std::string yaml = kUrl;
    for (int i = 0; i < 1000; ++i) yaml += fmt::format("zz{}: 1\n", i);
    const Loaded loaded = load(yaml);
    REQUIRE(loaded.problems.size() == 201);
    CHECK(loaded.problems.back() == "and 800 more problems");
}

TEST_CASE("load: --set goes before the environment, the environment before the file",
          "[unit][config]") {
    const std::string yaml = kUrl + "site: file\n";
    CHECK(load(yaml).config.site == "file");
    CHECK(load(yaml, {}, {{"LINTAS__SITE", "env"}}).config.site == "env");
    CHECK(load(yaml, {"site=set"}, {{"LINTAS__SITE", "env"}}).config.site == "set");
    CHECK(load(yaml, {"site=one", "site=two"}).config.site == "two");
}

namespace {

/// Those of `database: { primary: ..., replicas: REPLICAS }`; REPLICAS begins on line 4.
Lines replica_problems(const std::string& replicas, std::vector<std::string> sets = {}) {
    return load("database:\n  primary: { url: host=h }\n  replicas:\n" + replicas, std::move(sets))
        .problems;
}

}  // namespace

TEST_CASE("load: a replica's mistakes are found at its own lines", "[unit][config]") {
    struct Row {
        const char* replicas;
        Lines problems;
    };
    const auto row = GENERATE(values<Row>({
        {"", {}},
        {"    []\n", {}},
        {"    - { name: a, url: host=a }\n    - { name: b, url: host=b, pool: 1 }\n", {}},
        {"    { name: a, url: host=a }\n",
         {"FILE:3: database.replicas: must be a list of { name, url, pool }"}},
        {"    - { name: a, url: host=a }\n    - host=b\n",
         {"FILE:5: database.replicas.1: must be { name, url, pool }"}},
        {"    - name: a\n", {"FILE:4: database.replicas.0.url: is required"}},
        {"    - {}\n",
         {"FILE:4: database.replicas.0.name: is required",
          "FILE:4: database.replicas.0.url: is required"}},
        {"    - name: a b\n      url: host=a\n",
         {"FILE:4: database.replicas.0.name: must be at most 63 letters, digits, '-', '_' and "
          "'.'"}},
        {"    - { name: a, url: host=a }\n    - { name: b, url: host=b }\n"
         "    - { name: a, url: host=c }\n",
         {"FILE:6: database.replicas.2.name: is the name of another replica already"}},
        {"    - name: a\n      url: hunter2\n",
         {"FILE:5: database.replicas.0.url: must be postgresql://... or libpq keywords such as "
          "host=... dbname=..."}},
        {"    - name: a\n      url: host=a\n      pool: 0\n",
         {"FILE:6: database.replicas.0.pool: must be between 1 and 10000, not \"0\""}},
        {"    - name: a\n      uri: host=a\n",
         {"FILE:4: database.replicas.0.url: is required",
          "FILE:5: database.replicas.0.uri: is not a key; did you mean database.replicas.0.url?"}},
        {"    - name: a\n      name: b\n      url: host=b\n",
         {"FILE:5: database.replicas.0.name: is already set on line 4"}},
    }));
    CAPTURE(row.replicas);
    CHECK(replica_problems(row.replicas) == row.problems);
}

TEST_CASE("load: at most 32 replicas", "[unit][config]") {
    const auto list = [](int n) {
        std::string text;
        for (int i = 0; i < n; ++i)
            text += fmt::format("    - {{ name: r{0}, url: host=r{0} }}\n", i);
        return text;
    };
    CHECK(replica_problems(list(32)) == Lines{});
    CHECK(replica_problems(list(33)) == Lines{"FILE:3: database.replicas: must hold at most 32"});
    CHECK(replica_problems(list(1), {"database.replicas.32.url=host=x"}) ==
          Lines{"--set database.replicas.32.url: is not a key"});
}

TEST_CASE("load: elements of replicas and tables can be overridden one by one", "[unit][config]") {
    const std::string yaml =
        "database:\n  primary: { url: host=h }\n"
        "  replicas: [ { name: a, url: host=a }, { name: b, url: host=b } ]\n";
    const Loaded loaded = load(yaml,
                               {"database.replicas.1.pool=3", "database.replicas.2.name=c",
                                "consistency.tables.api.payments.default=critical"},
                               {{"LINTAS__DATABASE__REPLICAS__0__URL", "host=env"},
                                {"LINTAS__DATABASE__REPLICAS__2__URL", "host=c"},
                                {"LINTAS__CONSISTENCY__TABLES__LOG__DEFAULT", "critical"}});
    CHECK(loaded.problems == Lines{});
    CHECK(loaded.config.database.replicas ==
          std::vector<Replica>{{"a", "host=env", 8}, {"b", "host=b", 3}, {"c", "host=c", 8}});
    CHECK(loaded.config.consistency.tables ==
          std::map<std::string, ConsistencyDefault>{{"api.payments", ConsistencyDefault::critical},
                                                    {"log", ConsistencyDefault::critical}});

    CHECK(load(yaml, {"database.replicas.0.url="}).problems ==
          Lines{"--set database.replicas.0.url: is empty; leave the key out instead"});
    for (const char* const wrong : {"x.url", "00.url", "-1.url", "0.", "0.url.x", "1"}) {
        const std::string path = std::string{"database.replicas."} + wrong;
        CAPTURE(path);
        CHECK(load(yaml, {path + "=host=x"}).problems == Lines{"--set " + path + ": is not a key"});
    }
    CHECK(load(yaml, {"database.replicas=x"}).problems ==
          Lines{"--set database.replicas: holds keys; set one of them"});
    // A gap is an element that was never described.
    CHECK(load(kUrl, {"database.replicas.1.url=host=x", "database.replicas.1.name=x"}).problems ==
          Lines{"FILE:1: database.replicas.0.name: is required",
                "FILE:1: database.replicas.0.url: is required"});
}

TEST_CASE("load: a feed exists when its section does, and then needs its URL", "[unit][config]") {
    CHECK_FALSE(load(kUrl).config.database.feed.has_value());
    const std::string start = "database:\n  primary: { url: host=h }\n";
    CHECK(load(start + "  feed: {}\n").problems ==
          Lines{"FILE:3: database.feed.url: is required, since database.feed is there"});
    CHECK(load(start, {"database.feed.slot=x"}).problems ==
          Lines{"FILE:1: database.feed.url: is required, since database.feed is there"});
    const Loaded loaded = load(start, {"database.feed.url=host=f"});
    CHECK(loaded.problems == Lines{});
    CHECK(loaded.config.database.feed == Feed{"host=f", "lintas", "lintas"});
}

TEST_CASE("load: what comes from outside the file is taken as it is", "[unit][config]") {
    const Loaded loaded =
        load("",
             {"database.primary.url=postgresql://u:a#b: c=d@h/db", "api.schemas=a,b",
              "api.cors_origins="},
             {{"LINTAS__API__EXTRA_SEARCH_PATH", "[x, \"y,z\"]"}, {"LINTAS__API__MAX_ROWS", "5"}});
    CHECK(loaded.problems == Lines{});
    CHECK(loaded.config.database.primary.url == "postgresql://u:a#b: c=d@h/db");
    CHECK(loaded.config.api.schemas == Lines{"a", "b"});
    CHECK(loaded.config.api.extra_search_path == Lines{"x", "y,z"});
    CHECK(loaded.config.api.max_rows == 5);

    CHECK(load(kUrl, {"api.schemas=[a"}).problems ==
          Lines{"--set api.schemas: must be a list, like [a, b]"});
    CHECK(load(kUrl, {}, {{"LINTAS__site", "x"}}).problems ==
          Lines{"LINTAS__site: must be written in upper case, like LINTAS__API__SCHEMAS"});
    CHECK(load(kUrl, {}, {{"LINTAS__SITES", "x"}}).problems ==
          Lines{"LINTAS__SITES: is not a key; did you mean site?"});
}

TEST_CASE("load: references work inside a value, in every kind of value, and only once",
          "[unit][config]") {
    TempDir dir;
    const std::string secret = dir.write("secret", "p4ss${env:ROLE}\n");
    const Loaded loaded = load(
        fmt::format("database: {{ primary: {{ url: 'postgresql://u:${{file:{}}}@h/${{env:DB}}', "
                    "pool: '${{env:POOL}}' }} }}\n"
                    "api: {{ schemas: ['${{env:DB}}', 'a$${{b}}'] }}\n",
                    secret),
        {"api.anon_role=${env:ROLE}"}, {{"DB", "shop"}, {"POOL", "3"}, {"ROLE", "anon"}});
    CHECK(loaded.problems == Lines{});
    CHECK(loaded.config.database.primary.url == "postgresql://u:p4ss${env:ROLE}@h/shop");
    CHECK(loaded.config.database.primary.pool == 3);
    CHECK(loaded.config.api.schemas == Lines{"shop", "a${b}"});
    CHECK(loaded.config.api.anon_role == "anon");
}

TEST_CASE("load: a secret never shows up in a problem", "[unit][config]") {
    TempDir dir;
    const std::string word = "hunter2";
    const std::string file = dir.write("f", word);
    const std::string from_file = "${file:" + file + "}";
    const Environment environment{{"X", word}, {"LINTAS__API__JWT__SECRET", word}};
    const Lines sets{"api.jwt.secret:" + word,
                     "threads=" + from_file,
                     "limits.drain=${env:X}",
                     "log.level=${env:X}",
                     "api.testing=${env:X}",
                     "database.primary.url=" + word,
                     "consistency.position_key=" + word,
                     "database.feed.url=" + word,
                     "database.replicas.0.url=" + word,
                     "database.replicas.0.name=a"};
    const Loaded loaded = load("api: { jwt: { role_claim: " + word + " }, pre_request: " + word +
                                   ", anon_role: !" + word + " x }\n",
                               sets, environment);
    CHECK(loaded.problems.size() == 6);
    const Loaded typed = load(kUrl + "api: { jwt: { secret: " + word + " } }\n", sets, environment);
    CHECK(typed.problems.size() == 10);
    for (const Loaded& one : {loaded, typed}) {
        for (const std::string& line : one.problems) {
            INFO(line);
            CHECK(line.find(word) == std::string::npos);
        }
    }
}

TEST_CASE("load: a file that cannot be used is one problem", "[unit][config]") {
    Problems problems;
    LoadInput input;
    input.path = "/nonexistent/lintas.yaml";
    load_config(input, problems);
    CHECK(problems.lines() ==
          Lines{"/nonexistent/lintas.yaml: cannot be read: No such file or directory"});

    CHECK(load(std::string(kConfigFileBytesMax + 1, '#')).problems ==
          Lines{"FILE: is larger than 1048576 bytes"});
    CHECK(load("just words\n").problems == Lines{"FILE:1: must hold keys, like site: jakarta"});
    CHECK(load("").problems ==
          Lines{"FILE:1: database.primary.url: is required for --role=primary"});

    Problems directory;
    input.path = "/tmp";
    load_config(input, directory);
    CHECK(directory.lines() == Lines{"/tmp: cannot be read: Is a directory"});
}

TEST_CASE("load: deep and huge YAML is refused, not recursed into", "[unit][config]") {
    CHECK(load("a: " + std::string(100, '[') + std::string(100, ']')).problems ==
          Lines{"FILE:1: nested too deeply"});
    CHECK(load("a: " + std::string(200'000, '[')).problems.size() == 1);
    CHECK(load("a: " + std::string(200'000, '{')).problems.size() == 1);
    std::string wide = "a: [";
    for (int i = 0; i < 30'000; ++i) wide += "1,";
    CHECK(load(wide + "1]").problems == Lines{"FILE:1: too many values"});
    std::string stairs;
    for (std::size_t i = 0; i < 1000; ++i) stairs += std::string(i, ' ') + "a:\n";
    CHECK(load(stairs).problems.size() == 1);
}

TEST_CASE("load: a section with nothing in it is no mistake, but an empty tls is",
          "[unit][config]") {
    CHECK(load(kUrl + "api:\nlimits: {}\n").problems == Lines{});
    CHECK(load(kUrl + "listen:\n  public:\n    tls:\n").problems ==
          Lines{"FILE:4: listen.public.tls.cert: is required, since listen.public.tls is there",
                "FILE:4: listen.public.tls.key: is required, since listen.public.tls is there"});
}

}  // namespace lintas::config

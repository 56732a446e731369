#include "config/options.hpp"

#include <catch2/catch.hpp>

namespace lintas::config {

using Words = std::vector<std::string_view>;

TEST_CASE("options: both ways to give a value", "[unit][config]") {
    const auto words = GENERATE(values<Words>({
        {"--role=primary", "--config=f.yaml", "--set=a.b=c=d", "--set", "e="},
        {"--set", "a.b=c=d", "--role", "primary", "--set", "e=", "--config", "f.yaml"},
    }));
    const auto options = parse_options(words);
    REQUIRE(options.has_value());
    const RunOptions& run = std::get<RunOptions>(*options);
    CHECK(run.config_path == "f.yaml");
    CHECK(run.sets == std::vector<std::string>{"a.b=c=d", "e="});
    CHECK_FALSE(run.check_only);
}

TEST_CASE("options: --check-config runs nothing", "[unit][config]") {
    const Words words{"--check-config", "--role=primary", "--config", "f"};
    const auto options = parse_options(words);
    REQUIRE(options.has_value());
    CHECK(std::get<RunOptions>(*options).check_only);
}

TEST_CASE("options: status asks the default address or another", "[unit][config]") {
    struct Row {
        Words words;
        HostPort admin;
        bool json;
    };
    const auto row = GENERATE(values<Row>({
        {{"status"}, {"127.0.0.1", 9090}, false},
        {{"status", "--json"}, {"127.0.0.1", 9090}, true},
        {{"status", "--admin", "http://10.0.0.1:91/"}, {"10.0.0.1", 91}, false},
        {{"status", "--admin=[::1]:91", "--json"}, {"::1", 91}, true},
    }));
    const auto options = parse_options(row.words);
    REQUIRE(options.has_value());
    const StatusOptions& status = std::get<StatusOptions>(*options);
    CHECK(status.admin == row.admin);
    CHECK(status.json == row.json);
}

TEST_CASE("options: migrate takes its words in any order", "[unit][config]") {
    const Words words{"migrate", "--print", "--grant-to=daemon", "--url", "host=h", "--config=f"};
    const auto options = parse_options(words);
    REQUIRE(options.has_value());
    const MigrateOptions& migrate = std::get<MigrateOptions>(*options);
    CHECK(migrate.config_path == "f");
    CHECK(migrate.url == "host=h");
    CHECK(migrate.grant_to == "daemon");
    CHECK(migrate.print);

    const Words plain{"migrate", "--config", "f"};
    const auto defaults = parse_options(plain);
    REQUIRE(defaults.has_value());
    CHECK(std::get<MigrateOptions>(*defaults).url.empty());
    CHECK_FALSE(std::get<MigrateOptions>(*defaults).print);
}

TEST_CASE("options: help and version win over everything", "[unit][config]") {
    CHECK(std::holds_alternative<ShowHelp>(*parse_options(Words{"--role=x", "--help"})));
    CHECK(std::holds_alternative<ShowHelp>(*parse_options(Words{"migrate", "-h"})));
    CHECK(std::holds_alternative<ShowVersion>(*parse_options(Words{"--version"})));
    CHECK_FALSE(help_text().empty());
}

TEST_CASE("options: every usage error is listed", "[unit][config]") {
    struct Row {
        Words words;
        UsageErrors errors;
    };
    const auto row = GENERATE(values<Row>({
        {{}, {"lintas: what shall it do? see lintas --help"}},
        {{"--config=f"}, {"lintas: --role: is missing, as in --role=primary"}},
        {{"--role=primary"}, {"lintas: --config: is missing"}},
        {{"--role=regional", "--config=f"}, {"lintas: --role: regional is not built yet"}},
        {{"--role=backup", "--config=f"}, {"lintas: --role: backup is not built yet"}},
        {{"--role=master"},
         {"lintas: --role: must be primary, regional or backup, not master",
          "lintas: --config: is missing"}},
        {{"--role=primary", "--config"},
         {"lintas: --config: needs a value", "lintas: --config: is missing"}},
        {{"--role=primary", "--config", "--check-config"},
         {"lintas: --config: needs a value", "lintas: --config: is missing"}},
        {{"--role=primary", "--config=f", "--config=g"}, {"lintas: --config: given twice"}},
        {{"--role=primary", "--config=f", "--check-config=yes"},
         {"lintas: --check-config: takes no value"}},
        {{"--role=primary", "--config=f", "-v", "extra"},
         {"lintas: -v: unknown option; see lintas --help",
          "lintas: extra: unexpected argument; see lintas --help"}},
        {{"migrate"}, {"lintas: --config: is missing"}},
        {{"migrate", "--config=f", "--url"}, {"lintas: --url: needs a value"}},
        {{"migrate", "--config=f", "--url=hunter2", "--url=hunter2"},
         {"lintas: --url: given twice"}},
        {{"migrate", "--config=f", "--print=yes", "--role=primary"},
         {"lintas: --print: takes no value", "lintas: --role: unknown option; see lintas --help"}},
        {{"serve"}, {"lintas: serve: unknown command; see lintas --help"}},
        {{"status", "--admin=nowhere"},
         {"lintas: --admin: must be a URL like http://127.0.0.1:9090"}},
        {{"status", "--role=primary"}, {"lintas: --role: unknown option; see lintas --help"}},
    }));
    const auto options = parse_options(row.words);
    REQUIRE_FALSE(options.has_value());
    CHECK(options.error() == row.errors);
}

TEST_CASE("options: argv's first entry is the program", "[unit][config]") {
    const char* const argv[] = {"lintas", "--version"};
    CHECK(std::holds_alternative<ShowVersion>(*parse_argv(2, argv)));
    CHECK_FALSE(parse_argv(0, argv).has_value());
}

}  // namespace lintas::config

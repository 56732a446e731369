#include "config/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace lintas::config {

namespace {

constexpr std::string_view kHelp =
    R"(lintas serves the tables of a PostgreSQL database over HTTP.

Usage:
  lintas --role=primary --config FILE [--set KEY=VALUE ...]
      Run until SIGTERM or SIGINT. SIGHUP reads the configuration again.
  lintas --check-config --role=primary --config FILE [--set KEY=VALUE ...]
      Print the effective configuration, secrets masked, and exit.
  lintas migrate --config FILE [--url URL] [--grant-to ROLE] [--print]
      Make or upgrade what lintas keeps in the primary database: the schema
      lintas, its publication and event triggers. Safe to repeat. URL is
      database.primary.url unless given; ROLE gets the rights the daemon needs;
      --print shows the SQL instead.
  lintas status [--admin URL] [--json]
      Ask a running daemon how it is. URL is its admin address,
      http://127.0.0.1:9090 unless said otherwise.
  lintas --version
  lintas --help

Options:
  --role=ROLE        what this daemon is; this build has the role primary
  --config FILE      the configuration, YAML
  --set KEY=VALUE    override one key, as in --set api.max_rows=100; may be repeated
  --check-config     check, print, exit; problems are listed with their lines

Every key may also come from the environment: LINTAS__API__MAX_ROWS is api.max_rows.
--set goes before the environment, the environment before the file. A value may hold
${file:/path} and ${env:NAME}.

Exit status: 0 clean stop; 1 it ran and failed; 2 usage or configuration, nothing was
started; 3 requests were still running when the drain limit passed.
)";

constexpr std::string_view kSeeHelp = "see lintas --help";

/// Takes arguments one by one; understands `--name value` and `--name=value`.
class Reader {
 public:
    Reader(std::span<const std::string_view> arguments, UsageErrors& errors)
        : rest_(arguments), errors_(errors) {}

    bool next() {
        if (rest_.empty()) return false;
        const std::string_view argument = rest_.front();
        rest_ = rest_.subspan(1);
        const std::size_t equals = argument.starts_with("--") ? argument.find('=') : argument.npos;
        name_ = argument.substr(0, equals);
        attached_ =
            equals == argument.npos ? std::nullopt : std::optional{argument.substr(equals + 1)};
        return true;
    }

    std::string_view name() const { return name_; }

    void value(std::optional<std::string_view>& place) {
        const std::optional<std::string_view> text = value();
        if (!text) return;
        if (place) return fail("given twice");
        place = text;
    }

    std::optional<std::string_view> value() {
        std::optional<std::string_view> text = attached_;
        if (!text && !rest_.empty() && !rest_.front().starts_with("--")) {
            text = rest_.front();
            rest_ = rest_.subspan(1);
        }
        if (!text || text->empty()) {
            fail("needs a value");
            return std::nullopt;
        }
        return text;
    }

    void flag(bool& place) {
        if (attached_) return fail("takes no value");
        place = true;
    }

    void unknown() {
        errors_.push_back(
            name_.starts_with('-')
                ? fmt::format("lintas: {}: unknown option; {}", name_, kSeeHelp)
                : fmt::format("lintas: {}: unexpected argument; {}", name_, kSeeHelp));
    }

    void fail(std::string_view what) {
        errors_.push_back(fmt::format("lintas: {}: {}", name_, what));
    }

 private:
    std::span<const std::string_view> rest_;
    UsageErrors& errors_;
    std::string_view name_;
    std::optional<std::string_view> attached_;
};

void read_role(std::optional<std::string_view> role, UsageErrors& errors) {
    if (!role) {
        errors.push_back("lintas: --role: is missing, as in --role=primary");
    } else if (*role == "regional" || *role == "backup") {
        errors.push_back(fmt::format("lintas: --role: {} is not built yet", *role));
    } else if (*role != "primary") {
        errors.push_back(
            fmt::format("lintas: --role: must be primary, regional or backup, not {}", *role));
    }
}

Options run_options(std::span<const std::string_view> arguments, UsageErrors& errors) {
    RunOptions run;
    std::optional<std::string_view> role;
    std::optional<std::string_view> path;
    Reader reader{arguments, errors};
    while (reader.next()) {
        if (reader.name() == "--role") {
            reader.value(role);
        } else if (reader.name() == "--config") {
            reader.value(path);
        } else if (reader.name() == "--set") {
            if (const std::optional<std::string_view> set = reader.value()) {
                run.sets.emplace_back(*set);
            }
        } else if (reader.name() == "--check-config") {
            reader.flag(run.check_only);
        } else {
            reader.unknown();
        }
    }
    read_role(role, errors);
    if (!path) errors.push_back("lintas: --config: is missing");
    run.config_path = path.value_or("");
    return run;
}

Options status_options(std::span<const std::string_view> arguments, UsageErrors& errors) {
    StatusOptions status;
    std::optional<std::string_view> admin;
    Reader reader{arguments, errors};
    while (reader.next()) {
        if (reader.name() == "--admin") {
            reader.value(admin);
        } else if (reader.name() == "--json") {
            reader.flag(status.json);
        } else {
            reader.unknown();
        }
    }
    if (!admin) return status;
    std::string_view address = *admin;
    if (address.starts_with("http://")) address.remove_prefix(7);
    if (address.ends_with('/')) address.remove_suffix(1);
    if (const std::optional<HostPort> parsed = parse_host_port(address);
        parsed && parsed->port != 0) {
        status.admin = *parsed;
    } else {
        errors.push_back("lintas: --admin: must be a URL like http://127.0.0.1:9090");
    }
    return status;
}

Options migrate_options(std::span<const std::string_view> arguments, UsageErrors& errors) {
    MigrateOptions migrate;
    std::optional<std::string_view> path;
    std::optional<std::string_view> url;
    std::optional<std::string_view> role;
    Reader reader{arguments, errors};
    while (reader.next()) {
        if (reader.name() == "--config") {
            reader.value(path);
        } else if (reader.name() == "--url") {
            reader.value(url);
        } else if (reader.name() == "--grant-to") {
            reader.value(role);
        } else if (reader.name() == "--print") {
            reader.flag(migrate.print);
        } else {
            reader.unknown();
        }
    }
    if (!path) errors.push_back("lintas: --config: is missing");
    migrate.config_path = path.value_or("");
    migrate.url = url.value_or("");
    migrate.grant_to = role.value_or("");
    return migrate;
}

}  // namespace

std::expected<Options, UsageErrors> parse_options(std::span<const std::string_view> arguments) {
    const auto has = [&](std::string_view word) {
        return std::ranges::find(arguments, word) != arguments.end();
    };
    UsageErrors errors;
    if (arguments.empty()) {
        return std::unexpected(UsageErrors{fmt::format("lintas: what shall it do? {}", kSeeHelp)});
    }
    if (has("--help") || has("-h")) return ShowHelp{};
    if (has("--version")) return ShowVersion{};

    Options options;
    const std::string_view first = arguments.front();
    if (first == "status") {
        options = status_options(arguments.subspan(1), errors);
    } else if (first == "migrate") {
        options = migrate_options(arguments.subspan(1), errors);
    } else if (!first.starts_with('-')) {
        errors.push_back(fmt::format("lintas: {}: unknown command; {}", first, kSeeHelp));
    } else {
        options = run_options(arguments, errors);
    }
    if (!errors.empty()) return std::unexpected(std::move(errors));
    return options;
}

std::expected<Options, UsageErrors> parse_argv(int argc, const char* const* argv) {
    std::vector<std::string_view> arguments;
    for (int i = 1; i < argc; ++i) arguments.emplace_back(argv[i]);
    return parse_options(arguments);
}

std::string_view help_text() {
    return kHelp;
}

}  // namespace lintas::config

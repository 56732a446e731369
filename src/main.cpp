// argv → Config → App → exit status.
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <variant>

#include "app/app.hpp"
#include "app/status_command.hpp"
#include "config/dump.hpp"
#include "config/load.hpp"
#include "config/options.hpp"
#include "migrate/command.hpp"

namespace {

using namespace lintas;

int say_usage(const config::UsageErrors& errors) {
    for (const std::string& error : errors) std::fprintf(stderr, "lintas: %s\n", error.c_str());
    std::fprintf(stderr, "lintas: try --help\n");
    return app::kExitUsage;
}

/// nullopt: every problem was printed.
std::optional<config::Config> load(const config::LoadInput& input) {
    config::Problems problems;
    config::Config config = config::load_config(input, problems);
    if (problems.empty()) return config;
    for (const std::string& line : problems.lines()) std::fprintf(stderr, "%s\n", line.c_str());
    return std::nullopt;
}

int run(const config::RunOptions& options) {
    const config::LoadInput input{.path = options.config_path,
                                  .role = options.role,
                                  .sets = options.sets,
                                  .environment = config::process_environment()};
    std::optional<config::Config> config = load(input);
    if (!config) return app::kExitUsage;
    if (options.check_only) {
        std::fputs(config::dump(*config).c_str(), stdout);
        return app::kExitClean;
    }
    return app::App{std::move(*config), input}.run();
}

int migrate(const config::MigrateOptions& options) {
    config::LoadInput input{.path = options.config_path,
                            .environment = config::process_environment()};
    // A configuration without database.primary.url will do if --url is there.
    if (!options.url.empty()) input.sets.push_back("database.primary.url=" + options.url);
    const std::optional<config::Config> config = load(input);
    return config ? migrate::migrate_command(options, *config) : app::kExitUsage;
}

struct Dispatch {
    int operator()(const config::RunOptions& options) const { return run(options); }
    int operator()(const config::StatusOptions& options) const {
        return app::status_command(options);
    }
    int operator()(const config::MigrateOptions& options) const { return migrate(options); }
    int operator()(const config::ShowVersion&) const {
        std::puts("lintas " LINTAS_VERSION);
        return app::kExitClean;
    }
    int operator()(const config::ShowHelp&) const {
        std::fputs(std::string{config::help_text()}.c_str(), stdout);
        return app::kExitClean;
    }
};

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto options = config::parse_argv(argc, argv);
        return options ? std::visit(Dispatch{}, *options) : say_usage(options.error());
    } catch (const std::exception& leaked) {
        std::fprintf(stderr, "lintas: %s\n", leaked.what());
        return app::kExitFailed;
    }
}

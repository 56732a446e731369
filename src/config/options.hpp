#pragma once
// The command line of CONTRACT.md section 1 as a value.

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/address.hpp"
#include "config/config.hpp"

namespace lintas::config {

struct RunOptions {
    Role role = Role::primary;
    std::string config_path{};
    std::vector<std::string> sets{};  // "KEY=VALUE", not looked into yet
    bool check_only = false;          // --check-config
};

struct StatusOptions {
    HostPort admin{"127.0.0.1", 9090};
    bool json = false;
};

struct MigrateOptions {
    std::string config_path{};
    std::string url{};       // may hold a password; empty: database.primary.url
    std::string grant_to{};  // a role; empty: nobody
    bool print = false;      // print the SQL instead of running it
};

struct ShowVersion {};
struct ShowHelp {};

using Options = std::variant<RunOptions, StatusOptions, MigrateOptions, ShowVersion, ShowHelp>;
using UsageErrors = std::vector<std::string>;  // one line each; exit status 2

/// `arguments` without the program's name. Never quotes what follows --set or --url.
std::expected<Options, UsageErrors> parse_options(std::span<const std::string_view> arguments);

/// For main(): argv as the system gives it.
std::expected<Options, UsageErrors> parse_argv(int argc, const char* const* argv);

std::string_view help_text();

}  // namespace lintas::config

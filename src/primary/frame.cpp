#include "primary/frame.hpp"

#include <algorithm>

namespace lintas::primary {

namespace {

constexpr std::chrono::milliseconds kTimerSlack{
    50};  // the server's clock and ours do not start together
constexpr std::string_view kSelect = "SELECT ";

std::string upper(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return out;
}

/// The four levels of PostgreSQL; anything else in the catalogue is not spliced.
std::string isolation_level(std::string_view from_role) {
    for (const std::string_view level : {"read uncommitted", "repeatable read", "serializable"}) {
        if (from_role == level) return upper(level);
    }
    return "READ COMMITTED";
}

}  // namespace

Statement with_statement_timeout(Statement settings, std::chrono::milliseconds timeout) {
    const auto at_least_one = std::max<std::chrono::milliseconds::rep>(timeout.count(), 1);
    settings.params.emplace_back(std::to_string(at_least_one));
    settings.text = "SELECT set_config('statement_timeout', $" +
                    std::to_string(settings.params.size()) + ", true), " +
                    settings.text.substr(kSelect.size());
    return settings;
}

std::vector<Statement> opening(Frame frame, bool read_only, Deadline deadline) {
    std::vector<Statement> statements;
    statements.push_back(Statement{"BEGIN ISOLATION LEVEL " + isolation_level(frame.isolation) +
                                   (read_only ? " READ ONLY" : " READ WRITE")});
    statements.push_back(with_statement_timeout(std::move(frame.settings), deadline.remaining()));
    if (frame.request) statements.push_back(std::move(*frame.request));
    if (frame.pre_request) statements.push_back(std::move(*frame.pre_request));
    return statements;
}

Error with_deadline_named(Error error, Deadline deadline) {
    if (error.code == Errc::sql && error.sqlstate == "57014" &&
        deadline.remaining() < kTimerSlack) {
        return Error{Errc::deadline_exceeded, "the deadline of the request has passed"};
    }
    return error;
}

}  // namespace lintas::primary

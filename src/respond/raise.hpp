#pragma once
// RAISE SQLSTATE 'PGRST': SQL writes the whole error reply itself (DIALECT 3.3).

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"

namespace lintas::respond {

struct Raised {
    std::string code;
    std::string message;
    std::optional<std::string> details{};
    std::optional<std::string> hint{};
    int status = 500;
    std::vector<std::pair<std::string, std::string>> headers{};
};

/// MESSAGE is {code, message, details?, hint?}, DETAIL is {status, headers, status_text?}; a status
/// text has no place in HTTP/2 and is left out of HTTP/1.1 as well. Errors: bad_raise.
Result<Raised> raised_from_error(const Error& error);

}  // namespace lintas::respond

#pragma once
// Result<T>: a value or an Error, and a warning when nobody looks.

#include <expected>
#include <utility>

#include "base/error.hpp"

namespace lintas {

/// std::expected<T, Error>, but [[nodiscard]] as a type: a plain alias lets `co_await f();` drop an
/// error without a warning.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
    using std::expected<T, Error>::expected;
};

/// `return fail(Errc::bad_body, "Empty or invalid json");`
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message,
                                                 std::string details = {}, std::string hint = {}) {
    return std::unexpected(
        Error{code, std::move(message), std::move(details), std::move(hint), {}});
}

[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
    return std::unexpected(std::move(error));
}

}  // namespace lintas

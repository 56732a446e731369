#pragma once
// What a request asks of its answer: headers and configuration → position::Requirement
// (CONTRACT section 3, POSITIONS section 1).

#include <optional>
#include <string_view>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "parse/request.hpp"
#include "position/freshness.hpp"
#include "position/token.hpp"

namespace lintas::route {

struct RequirementInput {
    const parse::Request& request;
    const config::Consistency& consistency;
    const position::TokenCodec& codec;
    const position::Lineage& lineage;
    /// The token of a browser, which cannot drop it by itself: one that is no token, or of another
    /// database, is left out. One that is lost is an error all the same.
    std::optional<std::string_view> cookie{};
    position::Lsn written{};  // up to which the primary is known to have written
    Clock::time_point asked{};
};

struct Asked {
    position::Requirement requirement{};
    /// A token is above everything this process knows of: the primary has to be asked (and then
    /// this again) before it is believed. Of the greatest such token.
    std::optional<position::Token> unknown{};
};

/// Errors: bad_header (a token that is malformed, forged or of another system), position_lost.
Result<Asked> requirement_of(const RequirementInput& input);

/// What a token is that the primary itself does not know of, even now: bad_header, or deposed when
/// its signature proves that a later timeline exists.
Error unknown_position(const position::Token& token, const position::Lineage& lineage);

}  // namespace lintas::route

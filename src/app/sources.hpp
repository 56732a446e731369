#pragma once
// Asks the databases for an answer: the nearest replica that is provably fresh enough, else the
// primary; and keeps what came back.

#include "app/reading.hpp"
#include "cache/flights.hpp"

namespace lintas::app {

/// Errors: those of primary::read() and of replies, no_source when the primary cannot be asked and
/// no replica is fresh enough, deposed. Cancel: safe.
Task<cache::Landed> fetch(const Reading& reading, Services& services, Facts& facts);

}  // namespace lintas::app

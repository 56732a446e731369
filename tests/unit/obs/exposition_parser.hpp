#pragma once
// A strict reader of the Prometheus text format, as severe as promtool: what it accepts, a scraper
// accepts.

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

struct ParsedFamily {
    std::string type;
    std::string help;
    std::map<std::string, double> samples;  // `name{a="b"}` with its labels as written → value
};

/// Throws std::runtime_error, naming the line, at anything the format does not allow: a sample
/// outside its family, a family given twice, HELP or TYPE missing, a bad name, a bad escape, a
/// duplicate series or label, a histogram whose buckets fall, or disagree with the count.
std::map<std::string, ParsedFamily> parse_exposition(std::string_view text);

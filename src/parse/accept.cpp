#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "parse/headers.hpp"
#include "parse/utf8.hpp"

namespace lintas::parse {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

struct Candidate {
    std::string type;
    int quality = 1000;  // thousandths
    int specificity = 0;
    std::size_t place = 0;  // in the header
};

// "0.5" as 500; what is no quality counts as 1, what is above 1 too.
int quality_from_text(std::string_view text) {
    double value = 1;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc{} || end == text.data() || !(value >= 0 && value <= 1)) return 1000;
    return static_cast<int>(value * 1000 + 0.5);
}

// type/subtype in lower case, parameters as sent, no blanks; q and what follows it are cut off.
Candidate candidate_from_element(std::string_view element) {
    Candidate candidate;
    bool in_parameters = false;
    for (std::size_t at = 0; at < element.size(); ++at) {
        const char c = element[at];
        if (c == ' ' || c == '\t') continue;
        if (c == ';') in_parameters = true;
        candidate.type += in_parameters ? c : lower(c);
    }
    std::size_t quality = candidate.type.find(";q=");
    if (quality == std::string::npos) quality = candidate.type.find(";Q=");
    if (quality != std::string::npos) {
        const std::string_view text = std::string_view{candidate.type}.substr(quality + 3);
        candidate.quality = quality_from_text(text.substr(0, text.find(';')));
        candidate.type.resize(quality);
    }
    candidate.specificity = static_cast<int>(std::ranges::count(candidate.type, ';') -
                                             std::ranges::count(candidate.type, '*'));
    return candidate;
}

bool strips_nulls(std::string_view parameters) {
    while (!parameters.empty()) {
        parameters.remove_prefix(1);  // the ';'
        const std::string_view parameter = parameters.substr(0, parameters.find(';'));
        if (parameter == "nulls=stripped") return true;
        parameters.remove_prefix(parameter.size());
    }
    return false;
}

std::optional<Media> media_of(std::string_view type) {
    const std::size_t semicolon = std::min(type.find(';'), type.size());
    const std::string_view name = type.substr(0, semicolon);
    const std::string_view parameters = type.substr(semicolon);
    if (name == "*/*" || name == "application/json" || name == "application/*") return Media::json;
    if (name == "text/csv" || name == "text/*") return Media::csv;
    if (name == "application/vnd.pgrst.array+json" || name == "application/vnd.pgrst.array") {
        return strips_nulls(parameters) ? Media::json_stripped : Media::json;
    }
    if (name == "application/vnd.pgrst.object+json" || name == "application/vnd.pgrst.object") {
        return strips_nulls(parameters) ? Media::object_stripped : Media::object;
    }
    return std::nullopt;
}

}  // namespace

Accept parse_accept(const RawRequest& raw) {
    std::vector<Candidate> candidates;
    for_each_element(raw, "Accept", Quotes::respected, [&](std::string_view element) {
        candidates.push_back(candidate_from_element(element));
        candidates.back().place = candidates.size();
    });
    if (candidates.empty()) return Accept{{"*/*"}};
    if (candidates.size() > 1) {
        std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
            if (a.quality != b.quality) return a.quality > b.quality;
            if (a.specificity != b.specificity) return a.specificity > b.specificity;
            return a.place < b.place;
        });
    }
    Accept accept;
    for (Candidate& candidate : candidates) {
        // q=0 is "not acceptable" (RFC 9110 section 12.4.2).
        if (candidate.quality > 0) accept.types.push_back(std::move(candidate.type));
    }
    return accept;
}

Result<Media> negotiate(const Accept& accept) {
    for (const std::string& type : accept.types) {
        if (const std::optional<Media> media = media_of(type)) return *media;
    }
    return fail(Errc::not_acceptable,
                printable(fmt::format("None of these media types are available: {}",
                                      fmt::join(accept.types, ", "))));
}

std::string media_type_of(std::string_view content_type) {
    std::string out{without_blanks(content_type.substr(0, content_type.find(';')))};
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

}  // namespace lintas::parse

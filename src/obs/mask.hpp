#pragma once
// Connection strings hold passwords; what is printed of them goes through here.

#include <string>
#include <string_view>

namespace lintas::obs {

/// The URL (postgresql://, redis://, https://…) or libpq keyword string with every password
/// replaced by ***. When such a text cannot be read with certainty it hides more rather than less,
/// in the end all of it. A sentence (an error message) stays readable: only the URLs and password
/// assignments in it are masked.
std::string mask_url(std::string_view url);

}  // namespace lintas::obs

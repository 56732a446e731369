#pragma once
// Connection strings hold passwords; what is printed of them goes through here.

#include <string>
#include <string_view>

namespace lintas::obs {

/// The URL (postgresql://, redis://, https://…) or libpq keyword string with every password
/// replaced by ***. When the text cannot be read with certainty it hides more rather than less, in
/// the end all of it.
std::string mask_url(std::string_view url);

}  // namespace lintas::obs

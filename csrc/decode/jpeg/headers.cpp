#include "decode/jpeg/headers.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "decode/jpeg/zigzag.h"

namespace penstock::decode::jpeg {
namespace {

/// What libjpeg takes at most.
constexpr std::uint32_t kMostPixelsASide = 65500;

/// The content of one segment, read from its start.
class Segment {
 public:
  explicit Segment(base::Bytes content) : content_(content) {}

  std::size_t left() const { return content_.size() - at_; }
  /// The next byte; 0 where none is left, which `overrun` tells.
  std::uint32_t byte() {
    if (left() == 0) {
      overrun_ = true;
      return 0;
    }
    return std::to_integer<std::uint32_t>(content_[at_++]);
  }
  std::uint32_t word() {
    const std::uint32_t high = byte();
    return high << 8 | byte();
  }
  bool begins_with(std::string_view text) const {
    return content_.size() >= text.size() &&
           std::equal(text.begin(), text.end(), content_.begin(), [](char a, std::byte b) {
             return static_cast<unsigned char>(a) == std::to_integer<unsigned char>(b);
           });
  }
  std::size_t size() const { return content_.size(); }
  std::uint32_t at(std::size_t offset) const { return std::to_integer<std::uint32_t>(content_[offset]); }
  bool overrun() const { return overrun_; }

 private:
  base::Bytes content_;
  std::size_t at_ = 0;
  bool overrun_ = false;
};

/// Goes through the segments up to the coefficients. Each function says whether all is as it usually is.
class Reader {
 public:
  explicit Reader(base::Bytes encoded) : encoded_(encoded) {}

  bool read() {
    if (!is_marker(0, 0xD8)) return false;
    at_ = 2;
    for (;;) {
      if (at_ + 4 > encoded_.size() || byte_at(at_) != 0xFF) return false;
      const std::uint32_t marker = byte_at(at_ + 1);
      const std::size_t length = byte_at(at_ + 2) << 8 | byte_at(at_ + 3);
      if (length < 2 || at_ + 2 + length > encoded_.size()) return false;
      Segment segment(encoded_.subspan(at_ + 4, length - 2));
      at_ += 2 + length;
      if (!take(marker, segment) || segment.overrun()) return false;
      if (marker == 0xDA) break;
    }
    found.scan_begin = at_;
    return is_ycc() && has_known_sampling();
  }

  Headers found;

 private:
  std::uint32_t byte_at(std::size_t offset) const { return std::to_integer<std::uint32_t>(encoded_[offset]); }

  bool is_marker(std::size_t offset, std::uint32_t code) const {
    return offset + 2 <= encoded_.size() && byte_at(offset) == 0xFF && byte_at(offset + 1) == code;
  }

  bool take(std::uint32_t marker, Segment& segment) {
    switch (marker) {
      case 0xC0:
      case 0xC1:
        return frame(segment);
      case 0xC4:
        return huffman_tables(segment);
      case 0xDA:
        return scan(segment);
      case 0xDB:
        return quantisations(segment);
      case 0xDD:
        if (segment.size() != 2) return false;
        found.restart_interval = segment.word();
        return true;
      case 0xE0:
        // As libjpeg: shorter ones are not JFIF's.
        jfif_ = jfif_ || (segment.size() >= 14 && segment.begins_with(std::string_view("JFIF\0", 5)));
        return true;
      case 0xEE:
        if (segment.size() >= 12 && segment.begins_with("Adobe")) {
          adobe_ = true;
          adobe_transform_ = segment.at(11);
        }
        return true;
      default:
        return marker == 0xFE || (marker > 0xE0 && marker <= 0xEF);
    }
  }

  bool frame(Segment& segment) {
    if (!found.components.empty() || segment.byte() != 8) return false;
    found.height = segment.word();
    found.width = segment.word();
    const std::size_t count = segment.byte();
    if (found.height == 0 || found.height > kMostPixelsASide || found.width == 0 || found.width > kMostPixelsASide ||
        (count != 1 && count != 3) || segment.left() != 3 * count) {
      return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
      Component component;
      ids_[i] = segment.byte();
      const std::uint32_t sampling = segment.byte(), table = segment.byte();
      component.across = static_cast<std::uint8_t>(sampling >> 4);
      component.down = static_cast<std::uint8_t>(sampling & 15);
      component.quantisation = static_cast<std::uint8_t>(table);
      if (component.across == 0 || component.across > 4 || component.down == 0 || component.down > 4 || table > 3) {
        return false;
      }
      found.components.push_back(component);
    }
    return count == 1 || (ids_[0] != ids_[1] && ids_[1] != ids_[2] && ids_[0] != ids_[2]);
  }

  bool huffman_tables(Segment& segment) {
    while (segment.left() > 0) {
      const std::uint32_t which = segment.byte();
      if ((which & 15) > 3 || which >> 4 > 1) return false;
      HuffmanCodes& codes = (which >> 4 == 0 ? found.dc : found.ac)[which & 15];
      codes = {};
      for (std::uint8_t& count : codes.counts) count = static_cast<std::uint8_t>(segment.byte());
      const std::size_t total = std::accumulate(codes.counts.begin(), codes.counts.end(), std::size_t{0});
      if (total == 0 || total > codes.symbols.size() || total > segment.left()) return false;
      for (std::size_t i = 0; i < total; ++i) codes.symbols[i] = static_cast<std::uint8_t>(segment.byte());
      codes.defined = true;
    }
    return true;
  }

  bool quantisations(Segment& segment) {
    while (segment.left() > 0) {
      const std::uint32_t which = segment.byte();
      // Steps of 16 bits are for pictures of 12.
      if (which > 3 || segment.left() < kBlock) return false;
      for (const std::uint8_t place : kZigzag) {
        found.quantisations[which][place] = static_cast<std::uint16_t>(segment.byte());
      }
      has_quantisation_[which] = true;
    }
    return true;
  }

  bool scan(Segment& segment) {
    const std::size_t count = segment.byte();
    if (count == 0 || count != found.components.size() || segment.left() != 2 * count + 3) return false;
    for (std::size_t i = 0; i < count; ++i) {
      Component& component = found.components[i];
      const std::uint32_t id = segment.byte(), tables = segment.byte();
      if (id != ids_[i] || tables >> 4 > 3 || (tables & 15) > 3) return false;
      component.dc = static_cast<std::uint8_t>(tables >> 4);
      component.ac = static_cast<std::uint8_t>(tables & 15);
      if (!found.dc[component.dc].defined || !found.ac[component.ac].defined ||
          !has_quantisation_[component.quantisation]) {
        return false;
      }
    }
    const std::uint32_t first = segment.byte(), last = segment.byte(), bits = segment.byte();
    return first == 0 && last == 63 && bits == 0;
  }

  /// As libjpeg finds out what the components are.
  bool is_ycc() const {
    if (found.components.size() == 1 || jfif_) return true;
    if (adobe_) return adobe_transform_ == 1;
    return ids_[0] == 1 && ids_[1] == 2 && ids_[2] == 3;
  }

  bool has_known_sampling() {
    std::vector<Component>& components = found.components;
    if (components.size() == 1) {
      // A scan of one component has blocks, not MCUs.
      components[0].across = components[0].down = 1;
      return true;
    }
    const auto is_single = [](const Component& chroma) { return chroma.across == 1 && chroma.down == 1; };
    const Component& luma = components[0];
    if (!is_single(components[1]) || !is_single(components[2])) return false;
    // libjpeg smooths no chroma of a quarter's width.
    if (luma.across == 4 && luma.down == 1) return true;
    if (luma.across > 2 || luma.down > 2) return false;
    // Nor what is so narrow.
    return luma.across == 1 || found.width > 4;
  }

  base::Bytes encoded_;
  std::size_t at_ = 0;
  std::array<std::uint32_t, 3> ids_{};
  std::array<bool, 4> has_quantisation_{};
  bool jfif_ = false;
  bool adobe_ = false;
  std::uint32_t adobe_transform_ = 0;
};

}  // namespace

std::optional<Headers> read_headers(base::Bytes encoded) {
  Reader reader(encoded);
  if (!reader.read()) return std::nullopt;
  return std::move(reader.found);
}

}  // namespace penstock::decode::jpeg

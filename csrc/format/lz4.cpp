#include "format/lz4.h"

#include <lz4.h>
#include <lz4frame.h>

#include <algorithm>
#include <limits>
#include <string>

#include "base/error.h"

namespace penstock::format {
namespace {

constexpr std::uint32_t kFrameMagic = 0x184D2204;
/// An LZ4 sequence adds at most 255 bytes of output for each byte of input: a larger claim is a lie, found before
/// memory is taken for it.
constexpr std::uint64_t kMostExpansion = 255;

[[noreturn]] void fail(const std::string& cause) {
  throw base::Error(base::ErrorKind::kChunkFormat, "lz4: " + cause, base::kDamagedChunk);
}

base::OwnedBytes decompress_block(base::Bytes compressed) {
  const std::uint32_t claimed = base::load_u32(compressed, 0);
  const base::Bytes block = compressed.subspan(sizeof claimed);
  if (claimed > block.size() * kMostExpansion || claimed > LZ4_MAX_INPUT_SIZE ||
      block.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    fail(std::to_string(block.size()) + " bytes cannot hold the " + std::to_string(claimed) + " that they claim");
  }
  base::OwnedBytes out = base::OwnedBytes::allocate(claimed);
  const int written =
      LZ4_decompress_safe(reinterpret_cast<const char*>(block.data()), reinterpret_cast<char*>(out.data.get()),
                          static_cast<int>(block.size()), static_cast<int>(claimed));
  if (written < 0 || static_cast<std::uint32_t>(written) != claimed) fail("the block is damaged");
  return out;
}

class FrameContext {
 public:
  FrameContext() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION))) throw std::bad_alloc();
  }
  ~FrameContext() { LZ4F_freeDecompressionContext(context_); }
  FrameContext(const FrameContext&) = delete;
  FrameContext& operator=(const FrameContext&) = delete;
  LZ4F_dctx* get() const { return context_; }

 private:
  LZ4F_dctx* context_ = nullptr;
};

base::OwnedBytes decompress_frame(base::Bytes compressed) {
  const FrameContext context;
  std::vector<std::byte> out;
  std::vector<std::byte> block(64 * 1024);
  std::size_t consumed = 0;
  std::size_t more = 1;
  while (more != 0) {
    std::size_t in_size = compressed.size() - consumed;
    std::size_t out_size = block.size();
    more = LZ4F_decompress(context.get(), block.data(), &out_size, compressed.data() + consumed, &in_size, nullptr);
    if (LZ4F_isError(more)) fail(std::string("the frame is damaged: ") + LZ4F_getErrorName(more));
    if (in_size == 0 && out_size == 0 && more != 0) fail("the frame ends too early");
    consumed += in_size;
    out.insert(out.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(out_size));
  }
  base::OwnedBytes result = base::OwnedBytes::allocate(out.size());
  std::copy(out.begin(), out.end(), result.data.get());
  return result;
}

}  // namespace

base::OwnedBytes decompress_lz4(base::Bytes compressed) {
  if (compressed.empty()) return {};
  if (compressed.size() < sizeof(std::uint32_t)) fail("fewer than four bytes");
  if (base::load_u32(compressed, 0) == kFrameMagic) return decompress_frame(compressed);
  return decompress_block(compressed);
}

std::string lz4_version() { return LZ4_versionString(); }

}  // namespace penstock::format

# Read after every project() of whisper.cpp's build, by CMAKE_PROJECT_INCLUDE in .cargo/config.toml:
# the one way in that serves both versions, as whisper-rs-sys forwards GGML_* only from 0.15 on.

# No -march=native: what is built here runs on any x86-64 with AVX2, gives the same bits there, and
# runs under valgrind, which knows no AVX-512.
set(GGML_NATIVE OFF CACHE BOOL "" FORCE)

# The build type is RelWithDebInfo for its -g; its -O2 is not what users of whisper-rs get.
foreach(language C CXX)
    string(REPLACE "-O2" "-O3" CMAKE_${language}_FLAGS_RELWITHDEBINFO
                   "${CMAKE_${language}_FLAGS_RELWITHDEBINFO}")
endforeach()

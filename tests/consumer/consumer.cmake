# Installs the build into a prefix of its own and builds the consumer against that, four ways.
# A sanitized library would force its flags on the consumer, so that build has no such test.
if(ATROUS_SANITIZE)
    return()
endif()
set(prefix ${CMAKE_CURRENT_BINARY_DIR}/prefix)
set(consumer ${CMAKE_CURRENT_SOURCE_DIR}/consumer)
set(programs ${CMAKE_CURRENT_BINARY_DIR}/consumer)
file(MAKE_DIRECTORY ${programs})

add_test(NAME consumer_install
    COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${prefix})
set_tests_properties(consumer_install PROPERTIES FIXTURES_SETUP installed)

add_test(NAME consumer_symbols COMMAND ${consumer}/symbols.sh $<TARGET_FILE:atrous>)

find_program(PKG_CONFIG pkg-config)
foreach(kind shared static)
    set(suffix $<$<STREQUAL:${kind},static>:_static>)
    add_test(NAME consumer_cmake_${kind}
        COMMAND ${CMAKE_CTEST_COMMAND}
            --build-and-test ${consumer} ${programs}/cmake_${kind}
            --build-generator ${CMAKE_GENERATOR}
            --build-options -DCMAKE_PREFIX_PATH=${prefix} -DCONSUMER_TARGET=atrous::atrous${suffix}
                -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}
            --test-command consumer)
    add_test(NAME consumer_pkgconfig_${kind}
        COMMAND ${consumer}/pkg-config.sh ${consumer}/consumer.c ${CMAKE_C_COMPILER}
            ${prefix}/${CMAKE_INSTALL_LIBDIR} ${kind} ${programs}/pkgconfig_${kind})
    set_tests_properties(consumer_cmake_${kind} consumer_pkgconfig_${kind} PROPERTIES
        FIXTURES_REQUIRED installed)
    if(NOT PKG_CONFIG)
        set_tests_properties(consumer_pkgconfig_${kind} PROPERTIES DISABLED ON)
    endif()
endforeach()
set_property(TEST consumer_install consumer_symbols consumer_cmake_shared
    consumer_cmake_static consumer_pkgconfig_shared consumer_pkgconfig_static PROPERTY LABELS cpu)
